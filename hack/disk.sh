# Sourced by the scripts that make disks which boot in QEMU, after parts.sh and with test/bootimage as the working directory: what is the same on all
# of them is how they boot. The scripts say how large the root is, in MiB (root_size), and what it holds (settle).
#
# Needs root (Debian roots have files of many owners), the Debian package mmdebstrap, those of hack/node-image.sh ignition, and Go.

# Sizes of the partitions in MiB, in the order of an OCK disk and with its names.
readonly esp_size=256 boot_size=512
readonly root_uuid=0c6f6e32-6f63-4b2d-8b6f-6f742d726f6f

# It is a directory of this machine, and not of the roots that programs are run in here.
unset TMPDIR

debian() {
	local root=$1 variant=$2 list=$3
	[ "$(id -u)" = 0 ] || { echo "the boot image is made by root" >&2; exit 1; }
	command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
	# The kernel's package would make an initramfs without Ignition.
	INITRD=No mmdebstrap --mode=root --variant="$variant" --quiet --include="$(paste -sd, "$list")" \
		--aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$root"
}

# The programs are unpacked only: they are run from here, so nothing of them has to be configured.
make_tools() { debian "$1" extract tools.txt; }

make_guest() { debian "$1" minbase packages.txt; }

# tool PROGRAM ARGUMENT... runs a program of the tools with their own libraries.
tool() {
	local program=$1 libraries=$tools/lib/x86_64-linux-gnu
	shift
	GCONV_PATH="$tools/usr/lib/x86_64-linux-gnu/gconv" "$libraries/ld-linux-x86-64.so.2" \
		--library-path "$libraries:$tools/usr/lib/x86_64-linux-gnu" "$tools/$program" "$@"
}

# prototype DIRECTORY prints the directory as mkfs.xfs reads it (option -p): so neither a mount nor a loop device is needed. The format has
# no hard links, which become copies, no sticky bits, which systemd-tmpfiles sets, and no names with spaces.
prototype() {
	if find "$1" -name '*[[:space:]]*' -print -quit | grep .; then
		echo "a file's name has a space in it" >&2
		return 1
	fi
	printf 'none\n0 0\nd--755 0 0\n'
	find "$1" -mindepth 1 -printf '%d\t%y\t%m\t%U\t%G\t%f\t%l\t%p\n' | awk -F '\t' '
		{
			for (; open >= $1; open--) print "$"
			mode = sprintf("%04d", $3); special = substr(mode, 1, 1)
			head = $6 " " ($2 == "f" ? "-" : $2) (int(special / 4) ? "u" : "-") (int(special / 2) % 2 ? "g" : "-") substr(mode, 2) " " $4 " " $5
		}
		$2 == "d" { print head; open = $1 }
		$2 == "f" { print head " " $8 }
		$2 == "l" { print head " " $7 }
		END { for (; open >= 0; open--) print "$" }'
}

# initramfs ROOT KERNEL FILE writes an initramfs with Ignition for the kernel of that version in ROOT.
initramfs() {
	local root=$1 module="$1/usr/lib/dracut/modules.d/30ignition" source
	source=$(cd ../nodeimage/ignition && go list -m -f '{{.Dir}}' github.com/coreos/ignition/v2)
	cp -R "$source/dracut/30ignition" "$module"
	# Go modules have no executable files.
	chmod -R u+w "$module"
	chmod 755 "$module"/{ignition-generator,ignition-kargs-helper.sh,module-setup.sh}
	install -m 755 "$ignition" "$module/ignition"
	# What dracut needs mounted ends with the namespace.
	unshare --mount --propagation private bash -euc '
		mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys"
		mount --rbind /dev "$1/dev"
		chroot "$1" dracut --force --quiet --kver "$2" /boot/initramfs' _ "$root" "$2"
	mv "$root/boot/initramfs" "$3"
}

# boot_tree ROOT KERNEL DIRECTORY makes the contents of the boot partition from the kernel in ROOT/boot, as OSTree and ock-forge leave them.
boot_tree() {
	local hash place
	hash=$(sha256sum "$1/boot/vmlinuz-$2" | cut -d' ' -f1)
	place=/ostree/ock-$hash
	install -d "$3$place" "$3/loader.1/entries"
	ln -s loader.1 "$3/loader"
	cp "$1/boot/vmlinuz-$2" "$3$place/"
	initramfs "$1" "$2" "$3$place/initramfs-$2.img"
	# ock-forge's build-image/install-bootloader.sh writes this entry.
	cat >"$3/loader.1/entries/ostree-1-ock.conf" <<-END
		title Oracle Linux Server 8.10 17 (ostree:0)
		version 1
		options rw ip=dhcp rd.neednet=1 ignition.platform.id=qemu ignition.firstboot=1 crashkernel=auto console=ttyS0 root=UUID=$root_uuid ostree=/ostree/boot.1/ock/$hash/0 rd.timeout=120
		linux $place/vmlinuz-$2
		initrd $place/initramfs-$2.img
	END
}

# esp FILE makes the EFI system partition with GRUB in it.
esp() {
	local modules=$tools/usr/lib/grub/x86_64-efi grub=$1.grub
	truncate -s ${esp_size}M "$1"
	tool sbin/mkfs.fat -F 32 -n EFI-SYSTEM "$1" >/dev/null
	tool usr/bin/grub-mkimage -O x86_64-efi -d "$modules" -p /EFI/redhat -o "$grub" \
		part_gpt fat xfs search search_label normal configfile regexp true echo boot relocator video mmap
	tool usr/bin/mmd -i "$1" ::EFI ::EFI/BOOT ::EFI/redhat ::EFI/redhat/x86_64-efi
	tool usr/bin/mcopy -i "$1" "$grub" ::EFI/BOOT/BOOTX64.EFI
	tool usr/bin/mcopy -i "$1" esp/grub.cfg ::EFI/redhat/
	# Not in GRUB itself, because grub.cfg has to be the first to define their commands.
	tool usr/bin/mcopy -i "$1" "$modules"/{linux,linuxefi}.mod ::EFI/redhat/x86_64-efi/
	rm "$grub"
}

# disk FILE ESP BOOT ROOT puts the partitions together, each with one MiB before it.
disk() {
	local boot_start=$((esp_size + 2)) root_start=$((esp_size + boot_size + 3))
	truncate -s $((root_start + root_size + 1))M "$1"
	tool sbin/sfdisk --quiet "$1" <<-END
		label: gpt
		start=1MiB, size=${esp_size}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=EFI-SYSTEM
		start=${boot_start}MiB, size=${boot_size}MiB, name=boot
		start=${root_start}MiB, size=${root_size}MiB, name=root
	END
	dd if="$2" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$3" of="$1" bs=1M seek=$boot_start conv=notrunc,sparse status=none
	dd if="$4" of="$1" bs=1M seek=$root_start conv=notrunc,sparse status=none
}

# make_image DIRECTORY makes boot.qcow2 there, which is the name it has in an OCK image too. settle is of the script that sources this: it turns
# the system that the kernel and the initramfs are of into the root file system of the disk.
make_image() {
	local work="$1/work" kernel
	mkdir -p "$work/boot"
	cp -a --reflink=auto "$guest" "$work/root"
	cp -R root/. "$work/root/"
	kernel=$(basename "$work"/root/usr/lib/modules/*)
	boot_tree "$work/root" "$kernel" "$work/boot"
	settle "$work/root"
	prototype "$work/boot" >"$work/boot.prototype"
	prototype "$work/root" >"$work/root.prototype"
	truncate -s ${boot_size}M "$work/boot.xfs"
	truncate -s ${root_size}M "$work/root.xfs"
	tool sbin/mkfs.xfs -q -m bigtime=0 -L boot -p "$work/boot.prototype" "$work/boot.xfs"
	tool sbin/mkfs.xfs -q -m uuid=$root_uuid -L root -p "$work/root.prototype" "$work/root.xfs"
	esp "$work/esp.fat"
	disk "$work/disk.raw" "$work/esp.fat" "$work/boot.xfs" "$work/root.xfs"
	# Compressed, as published images are.
	tool usr/bin/qemu-img convert -c -O qcow2 "$work/disk.raw" "$1/boot.qcow2"
	rm -rf --one-file-system "$work"
	ln -s "../$(basename "$tools")" "$1/tools"
}

[ "$(uname -m)" = x86_64 ] || { echo "the boot image is for x86_64 only, and is made on such a machine" >&2; exit 1; }
ignition=$(../../hack/node-image.sh ignition)
tools=$(part bootimage-tools make_tools tools.txt <(declare -f debian))
guest=$(part bootimage-guest make_guest packages.txt <(declare -f debian))
