#!/usr/bin/env bash
# Makes a small disk image of the shape of OCK's boot images, or takes it from the cache, and prints its path: a GPT with an EFI system partition, an
# XFS file system "boot" with the loader's entry behind ostree's symbolic link, and an XFS file system "root" (ock-forge: make-partitions.sh,
# format-disk.sh). It is for readers: nothing in it boots. Needs no root and mounts nothing.
#   hack/ock-test-image.sh [option...]
#     -c none|zlib|zstd  compression of the qcow2 (zlib, as images are published)
#     -o OPTIONS         more options of qemu-img's qcow2 format, such as cluster_size=4096
#     -m OPTIONS         more options of mkfs.xfs, such as "-s size=4096"
#     -a amd64|arm64     what the kernel is for
#     -e FILE            the loader's entry instead of the usual one
#     -n COUNT           how many loader entries (1)
#     -d FILE            a file to put into the root file system, to make the image larger
#     -r MIB             size of the root partition (320)
#     -f raw             a raw image instead of qcow2
#     -t                 only tell which tools are missing
# Sourced, it only defines its functions.

ock_boot_uuid=11111111-2222-4333-8444-555555555555
ock_root_uuid=66666666-7777-4888-8999-aaaaaaaaaaaa
ock_checksum=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0

# ock_tools installs the Debian packages that are missing when root can, and otherwise says what to install.
ock_tools() {
	local missing=() tool
	for tool in mkfs.xfs:xfsprogs sgdisk:gdisk mcopy:mtools mkfs.vfat:dosfstools qemu-img:qemu-utils; do
		command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$1" = tell ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "missing: apt-get install ${missing[*]}" >&2
		return 3
	fi
	{ apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >&2
}

# ock_entry ARCH PLATFORM prints a loader entry with the keys and arguments of OCK's own.
ock_entry() {
	local version deployment=/ostree/deploy/ock/deploy/$ock_checksum.0/usr/lib/ostree-boot options=(
		rw ip=dhcp rd.neednet=1 "ignition.platform.id=$2" ignition.firstboot=1 systemd.firstboot=off crashkernel=auto console=ttyS0
		root=UUID=$ock_root_uuid rd.timeout=120 ostree=/ostree/boot.1/ock/$ock_checksum/0)
	version=$(ock_kernel_version "$1")
	cat <<-END
		title Oracle Linux Server 8.10 1.31 (ostree:0)
		version 1
		options ${options[*]}
		linux /ostree/ock-$ock_checksum/vmlinuz-$version
		initrd /ostree/ock-$ock_checksum/initramfs-$version.img
		aboot $deployment/aboot.img
		abootcfg $deployment/aboot.cfg
	END
}

ock_kernel_version() {
	case $1 in
	amd64) echo 5.15.0-319.201.4.el8uek.x86_64 ;;
	arm64) echo 5.15.0-319.201.4.el8uek.aarch64 ;;
	*) echo "no such architecture: $1" >&2 && return 1 ;;
	esac
}

# ock_kernel ARCH prints a kernel's headers, which say that it is an EFI program for the architecture, and no code.
ock_kernel() {
	local machine
	case $1 in
	amd64) machine='\x64\x86' ;;
	arm64) machine='\x64\xaa' ;;
	esac
	printf 'MZ'
	head -c 58 /dev/zero
	printf '\x80\x00\x00\x00'
	head -c 64 /dev/zero
	printf 'PE\x00\x00%b' "$machine"
	head -c 8192 /dev/zero
}

# ock_esp FILE MIB TREE makes an EFI system partition with the files of a directory.
ock_esp() {
	truncate -s "$2M" "$1"
	mkfs.vfat -F 32 -n EFI-SYSTEM --invariant "$1" >/dev/null
	mcopy -s -i "$1" "$3"/* ::
}

# ock_xfs FILE MIB LABEL UUID TREE [mkfs.xfs option...] makes an XFS file system with the files of a directory, symbolic links among them.
ock_xfs() {
	local file=$1 mib=$2 label=$3 uuid=$4 tree=$5
	shift 5
	truncate -s "${mib}M" "$file"
	{
		printf 'none\n0 0\n'
		printf 'd--755 0 0\n'
		ock_prototype "$tree"
		printf '$\n'
	} >"$file.prototype"
	mkfs.xfs -q -f -L "$label" -m uuid="$uuid" -p "$file.prototype" "$@" "$file"
	rm "$file.prototype"
}

# ock_prototype TREE prints a directory's content as mkfs.xfs -p takes it.
ock_prototype() {
	local path name
	for path in "$1"/*; do
		name=${path##*/}
		if [ -L "$path" ]; then
			printf '%s l--777 0 0 %s\n' "$name" "$(readlink "$path")"
		elif [ -d "$path" ]; then
			printf '%s d--755 0 0\n' "$name"
			ock_prototype "$path"
			printf '$\n'
		elif [ -e "$path" ]; then
			printf '%s ---644 0 0 %s\n' "$name" "$path"
		fi
	done
}

# ock_disk FILE ESP BOOT ROOT puts three file systems into a raw disk with the partition names of OCK.
ock_disk() {
	local file=$1 start=2048 number=1 part sectors
	shift
	local names=(EFI-SYSTEM boot root) types=(ef00 8300 8300) table=() total=4096
	for part; do
		total=$((total + ($(stat -c %s "$part") / 512)))
	done
	truncate -s $((total * 512)) "$file"
	for part; do
		sectors=$(($(stat -c %s "$part") / 512))
		table+=(-n "$number:$start:$((start + sectors - 1))" -c "$number:${names[number - 1]}" -t "$number:${types[number - 1]}"
			-u "$number:00000000-0000-4000-8000-00000000000$number")
		dd if="$part" of="$file" bs=1M seek=$((start * 512)) oflag=seek_bytes conv=notrunc,sparse status=none
		start=$((start + sectors)) number=$((number + 1))
	done
	sgdisk -U 00000000-0000-4000-8000-000000000000 "${table[@]}" "$file" >/dev/null
}

# ock_boot_tree DIRECTORY ARCH ENTRY [COUNT] fills the tree of the boot partition.
ock_boot_tree() {
	local version kernel number
	version=$(ock_kernel_version "$2")
	kernel="$1/ostree/ock-$ock_checksum"
	mkdir -p "$1/loader.1/entries" "$1/efi" "$1/grub2" "$kernel"
	ln -s loader.1 "$1/loader"
	ln -s . "$1/boot"
	for number in $(seq "${4:-1}"); do
		cp "$3" "$1/loader.1/entries/ostree-$number-ock.conf"
	done
	ock_kernel "$2" >"$kernel/vmlinuz-$version"
	seq 1 100000 >"$kernel/initramfs-$version.img"
	echo 'set boot_uuid' >"$1/grub2/bootuuid.cfg"
}

# ock_root_tree DIRECTORY [FILE] fills the tree of the root partition: text that compresses well, and bytes that do not.
ock_root_tree() {
	local deployment="$1/ostree/deploy/ock/deploy/$ock_checksum.0"
	mkdir -p "$deployment/etc" "$deployment/usr/lib"
	printf 'UUID=%s / xfs defaults 0 0\nUUID=%s /boot xfs defaults,sync 0 0\n' $ock_root_uuid $ock_boot_uuid >"$deployment/etc/fstab"
	seq 1 300000 >"$deployment/usr/lib/text"
	seq 1 300000 | gzip -n -1 >"$deployment/usr/lib/packed"
	if [ -n "$2" ]; then
		cp "$2" "$deployment/usr/lib/data"
	fi
}

# ock_scratch prints where large files are made: in memory where there is enough, because mkfs.xfs writes its whole log.
ock_scratch() {
	local free
	free=$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)
	if [ -w /dev/shm ] && [ "${free:-0}" -gt 4096 ]; then
		echo /dev/shm
	else
		echo "$1"
	fi
}

# ock_test_image FILE WORK makes the image as the variables of main say.
ock_test_image() {
	local work=$2 extension=EFI/BOOT/BOOTX64.EFI
	mkdir -p "$work/boot" "$work/root"
	ock_entry "$arch" qemu >"$work/entry"
	[ -z "$entry" ] || cp "$entry" "$work/entry"
	[ "$arch" = amd64 ] || extension=EFI/BOOT/BOOTAA64.EFI
	mkdir -p "$work/esp/EFI/BOOT" "$work/esp/EFI/redhat"
	ock_kernel "$arch" >"$work/esp/$extension"
	echo 'configfile (hd0,gpt2)/grub2/grub.cfg' >"$work/esp/EFI/redhat/grub.cfg"
	ock_boot_tree "$work/boot" "$arch" "$work/entry" "$count"
	ock_root_tree "$work/root" "$data"
	ock_esp "$work/p1" 40 "$work/esp"
	ock_xfs "$work/p2" 320 boot $ock_boot_uuid "$work/boot" "${mkfs[@]}"
	ock_xfs "$work/p3" "$root_mib" root $ock_root_uuid "$work/root"
	ock_disk "$work/disk" "$work/p1" "$work/p2" "$work/p3"
	local convert=(qemu-img convert -f raw -O "$format")
	if [ "$format" = qcow2 ]; then
		[ "$compression" = none ] || convert+=(-c -o "compression_type=$compression")
		[ -z "$qcow2" ] || convert+=(-o "$qcow2")
	fi
	"${convert[@]}" "$work/disk" "$1"
}

main() {
	set -euo pipefail
	shopt -s inherit_errexit
	local compression=zlib qcow2='' mkfs=() arch=amd64 entry='' data='' count=1 root_mib=320 format=qcow2 option options=() cache key image
	while getopts c:o:m:a:e:n:d:r:f:t option; do
		case $option in
		c) compression=$OPTARG ;;
		o) qcow2=$OPTARG ;;
		m) read -r -a options <<<"$OPTARG" && mkfs+=("${options[@]}") ;;
		a) arch=$OPTARG ;;
		e) entry=$OPTARG ;;
		n) count=$OPTARG ;;
		d) data=$OPTARG ;;
		r) root_mib=$OPTARG ;;
		f) format=$OPTARG ;;
		t) ock_tools tell && return 0 || return $? ;;
		*) sed -n '2,/^# Sourced/s/^# \{0,1\}//p' "$0" >&2 && return 2 ;;
		esac
	done
	ock_tools install
	cache="${OCNE_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ocne-build}"
	mkdir -p "$cache"
	key=$({
		cat "${BASH_SOURCE[0]}" ${entry:+"$entry"} ${data:+"$data"}
		mkfs.xfs -V
		qemu-img --version
		printf '%s\n' "$compression" "$qcow2" "${mkfs[*]}" "$arch" "$count" "$root_mib" "$format"
	} | sha256sum | cut -c1-16)
	image="$cache/ock-test-image-$key.$format"
	if [ ! -e "$image" ]; then
		local work new="$image.$$"
		work=$(mktemp -d -p "$(ock_scratch "$cache")" ock-test-image.XXXXXX)
		# shellcheck disable=SC2064 # these files, whatever is made later
		trap "rm -rf '$work' '$new'" EXIT
		ock_test_image "$new" "$work" >&2
		mv "$new" "$image"
	fi
	echo "$image"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	main "$@"
fi
