#!/usr/bin/env bash
# Makes a disk with a whole Kubernetes node on it, or takes it from the cache, and prints its directory: test/vmimage/README.md.
#   hack/vm-image.sh [VERSION]
# VERSION is one of test/nodeimage/versions.txt, the first when it is left out. Needs what hack/disk.sh and hack/node-image.sh need.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../test/bootimage"
. ../../hack/parts.sh
. ../../hack/disk.sh
umask 022
export LC_ALL=C

# A disk can only be larger than its image, and the file system does not grow with it. What nobody wrote to takes no space in the image.
readonly root_size=10240
# The kernel's modules that a node in a virtual machine can need after its initramfs; what they need themselves is added.
readonly kept_modules='^kernel/((arch|crypto|lib|mm|net|virt)/|fs/(autofs|configfs|efivarfs|ext4|fat|fuse|isofs|nls|overlayfs|xfs)/|fs/binfmt_misc'\
'|drivers/(block/(loop|virtio_blk)|char/(hw_random/|virtio_console)|firmware/|input/evdev|acpi/button|md/dm-mod|ptp/|virtio/'\
'|net/([^/]*$|bonding/|ipvlan/|wireguard/)|scsi/(s[dr]_mod|virtio_scsi)))'

# settle lays the node's root with its version of Kubernetes where the system was that only the initramfs and the kernel are of.
settle() {
	local root=$1 system=$1.boot kernel unit
	mv "$root" "$system"
	kernel=$(basename "$system"/usr/lib/modules/*)
	cp -a --reflink=auto "$node/root" "$root"
	cp -R --no-dereference "$node/versions/$version/." "$root/"
	kernel_modules "$system" "$kernel" "$root"
	rm -rf --one-file-system "$system"
	printf 'UUID=%s / xfs defaults 0 0\n' "$root_uuid" >"$root/etc/fstab"
	# A container has neither devices nor a clock of its own, and its kernel's log is another's. A virtual machine has.
	for unit in systemd-logind systemd-modules-load systemd-udevd systemd-udev-trigger; do
		rm "$root/etc/systemd/system/$unit.service"
	done
	rm "$root/usr/lib/systemd/system/chrony.service.d/50-leave-the-clock.conf" "$root/etc/systemd/journald.conf.d/50-node.conf"
	cp -R ../vmimage/root/. "$root/"
	chmod 755 "$root/usr/libexec/ocne/"*
	chroot "$root" systemctl preset-all --quiet
	import_images "$root"
	rm -rf "${root:?}"/{dev,run,tmp}/*
}

# kernel_modules SYSTEM KERNEL ROOT puts the modules into ROOT.
kernel_modules() {
	local from=$1/usr/lib/modules/$2 to=$3/usr/lib/modules/$2
	mkdir -p "$to"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	(cd "$from" && awk -v wanted="$kept_modules" -F ': *' '$1 ~ wanted { print $1; print $2 }' modules.dep | tr ' ' '\n' | grep . | sort -u |
		xargs cp --parents -t "$to")
	chroot "$3" depmod "$2"
	install -m 644 "$1/boot/config-$2" "$3/boot/"
}

# import_images ROOT lets the root's own containerd take in the images, as OCK has them in its own file system: emulated, that takes minutes.
import_images() {
	# What is mounted and started ends with the namespaces.
	unshare --mount --propagation private --pid --fork --kill-child bash -euc '
		mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys"
		mount --rbind /dev "$1/dev"
		mount -t tmpfs tmpfs "$1/run"
		printf "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n" >"$1/run/containerd.toml"
		chroot "$1" containerd --config /run/containerd.toml --log-level warn &
		until chroot "$1" ctr version >/dev/null 2>&1; do
			kill -0 $! || exit 1
			sleep 0.1
		done
		chroot "$1" ctr --namespace k8s.io images import /usr/share/ocne/images.tar
		kill $!
		wait $!' _ "$1"
	rm -rf "$1/usr/share/ocne/images.tar" "$1/var/lib/containerd/io.containerd.grpc.v1.introspection" "$1"/var/lib/containerd/tmpmounts/*
}

mapfile -t versions <../nodeimage/versions.txt
version=${1:-${versions[0]}}
node=$(../../hack/node-image.sh)
[ -d "$node/versions/$version" ] || { echo "the node image has no Kubernetes $version, only ${versions[*]}" >&2; exit 1; }

inputs=$(mktemp)
trap 'rm -f "$inputs"' EXIT
{
	basename -a "$tools" "$guest" "$ignition" "$node"
	find root esp ../vmimage/root -printf '%p %m %l\n' | sort
	find root esp ../vmimage/root -type f | sort | xargs cat
	declare -f
	echo $esp_size $boot_size $root_size $root_uuid "$version" "$kept_modules"
} >"$inputs"
part "vmimage-$version" make_image "$inputs"
