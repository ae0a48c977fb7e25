#!/usr/bin/env bash
# Makes the disk that the tests boot in QEMU, or takes it from the cache, and prints its directory: test/bootimage/README.md.
#   hack/boot-image.sh
# Needs what hack/disk.sh needs.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../test/bootimage"
. ../../hack/parts.sh
. ../../hack/disk.sh
umask 022
export LC_ALL=C

readonly root_size=1024

# settle turns a Debian system into an image: nothing of the machine that it was made on, and enabled is what the presets say.
settle() {
	local root=$1
	rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id" "$root"/boot/* "$root"/{vmlinuz,initrd.img}*
	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
	# The initramfs has all drivers that are needed.
	rm -rf "$root/usr/lib/modules"
	printf 'UUID=%s / xfs defaults 0 0\n' "$root_uuid" >"$root/etc/fstab"
	echo uninitialized >"$root/etc/machine-id"
	ln -sf /dev/null "$root/etc/systemd/system/systemd-firstboot.service"
	find "$root/etc/systemd/system" -mindepth 1 \( -name '*.wants' -o -name '*.requires' \) -exec rm -rf {} +
	chroot "$root" systemctl preset-all --quiet
	rm -rf "${root:?}"/dev/*
}

inputs=$(mktemp)
trap 'rm -f "$inputs"' EXIT
{
	basename -a "$tools" "$guest" "$ignition"
	find root esp -printf '%p %m %l\n' | sort
	find root esp -type f | sort | xargs cat
	declare -f
	echo $esp_size $boot_size $root_size $root_uuid
} >"$inputs"
part bootimage make_image "$inputs"
