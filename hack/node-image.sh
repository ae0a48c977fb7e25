#!/usr/bin/env bash
# Makes the image of the nodes that container guests boot, or takes it from the cache, and prints its directory. What it is and why:
# docs/adr/0007-the-test-node-image.md. With "ignition" it makes only the program Ignition, and prints its path.
#   hack/node-image.sh [ignition]
# Needs root (a Debian root has files of many owners), the Debian packages mmdebstrap, gcc, libc6-dev and libblkid-dev, and Go.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../test/nodeimage"
. ../../hack/parts.sh
umask 022

make_debian() {
	local needed
	[ "$(id -u)" = 0 ] || { echo "the node image is made by root" >&2; exit 1; }
	command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
	needed=$(paste -sd, packages.txt)
	mmdebstrap --mode=root --variant=minbase --quiet --include="$needed" \
		--aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$1"
}

make_ignition() {
	local module=github.com/coreos/ignition/v2 version
	version=$(cd ignition && go list -m -f '{{.Version}}' $module)
	# It reads file systems' labels with libblkid. A Debian root has no SELinux labels to restore.
	(cd ignition && CGO_ENABLED=1 go build -trimpath -o "$1" \
		-ldflags "-s -w -X $module/internal/version.Raw=$version -X $module/internal/distro.selinuxRelabel=false" $module/internal)
}

make_network() {
	local plugins=github.com/containernetworking/plugins/plugins
	mkdir -p "$1"
	(cd network && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$1/" ./coredns ./flanneld ./pause ./web \
		$plugins/main/bridge $plugins/main/loopback $plugins/meta/portmap $plugins/ipam/host-local)
	(cd network && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$1/flannel" ./flannel-cni)
}

# A further version is the same code with another stamp, so it is linked, not compiled.
make_kubernetes() {
	local stamp=k8s.io/component-base/version minor=${version#v1.}
	(cd kubernetes && CGO_ENABLED=0 go build -trimpath -o "$1" -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 \
		-X $stamp.gitMinor=${minor%%.*} -X $stamp.gitTreeState=clean -X $stamp.gitCommit=module" .)
}

make_image() {
	local root="$1/root" plugin tree
	mkdir -p "$1"
	cp -a --reflink=auto "$debian" "$root"
	cp -R root/. "$root/"
	install -m 755 "$ignition" "$root/usr/bin/ignition"
	install -d "$root/opt/cni/bin" "$root/etc/cni/net.d" "$root/etc/kubernetes/manifests" "$root/etc/ocne/nginx"
	for plugin in bridge loopback portmap host-local flannel; do
		install -m 755 "$network/$plugin" "$root/opt/cni/bin/$plugin"
	done
	settle "$root"
	for version in "${versions[@]}"; do
		tree="$1/versions/$version"
		install -D -m 755 "${kubernetes[$version]}" "$tree/usr/libexec/ocne/kubernetes"
		install -d "$tree/usr/bin"
		for program in kubeadm kubelet kubectl; do
			ln -s ../libexec/ocne/kubernetes "$tree/usr/bin/$program"
		done
		"$archive" -root "$root" -kubernetes "${kubernetes[$version]}" -version "$version" -versions "$(IFS=,; echo "${versions[*]}")" \
			-network "$network" -flannel "$flannel/Documentation/kube-flannel.yml" -out "$tree"
	done
	printf '{"versions":[%s]}\n' "$(printf '"%s",' "${versions[@]}" | sed 's/,$//')" >"$1/image.json"
}

# settle turns a Debian system into an image: nothing of the machine that it was made on, and enabled is what the presets say, as where
# packages are RPMs. Ignition writes "disable" only for units that are enabled.
settle() {
	rm -f "$1/etc/hostname" "$1/etc/ssh/"ssh_host_* "$1/etc/resolv.conf" "$1/var/lib/dbus/machine-id"
	: >"$1/etc/resolv.conf"
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$1/etc/hosts"
	echo uninitialized >"$1/etc/machine-id"
	find "$1/etc/systemd/system" -mindepth 1 \( -type l -o -name '*.wants' -o -name '*.requires' \) -exec rm -rf {} +
	# Hardware, terminals and first-boot questions that these nodes do not have. Every program that watches files takes one of the 128 watchers
	# (fs.inotify.max_user_instances) that a machine's root has for all its nodes: a control plane node needs some 30.
	for unit in systemd-firstboot.service systemd-networkd-wait-online.service getty@tty1.service console-getty.service systemd-logind.service \
		systemd-udevd.service \
		systemd-udev-trigger.service systemd-modules-load.service e2scrub_reap.service sys-kernel-debug.mount sys-kernel-tracing.mount; do
		ln -sf /dev/null "$1/etc/systemd/system/$unit"
	done
	chroot "$1" systemctl preset-all --quiet
	# OCK's NGINX has its modules below lib64.
	ln -sfn ../lib/nginx "$1/usr/lib64/nginx"
	rm -rf "$1/var/cache/apt" "$1/var/lib/apt/lists" "$1/etc/nginx/sites-enabled/default"
	install -d "$1/var/cache/apt/archives/partial" "$1/var/lib/apt/lists/partial"
	chmod 755 "$1/usr/libexec/ocne/"*
}

ignition=$(part nodeimage-ignition make_ignition ignition/go.mod ignition/go.sum)
if [ "${1:-}" = ignition ]; then
	echo "$ignition"
	exit
fi

mapfile -t versions <versions.txt
first=$(cd kubernetes && go list -m -f '{{.Version}}' k8s.io/kubernetes)
[ "${versions[0]}" = "$first" ] || { echo "versions.txt starts with ${versions[0]}, but kubernetes/go.mod has $first" >&2; exit 1; }
flannel=$(cd network && go mod download github.com/flannel-io/flannel && go list -m -f '{{.Dir}}' github.com/flannel-io/flannel)

debian=$(part nodeimage-debian make_debian packages.txt)
network=$(part nodeimage-network make_network network/go.mod network/go.sum network/*/*.go)
declare -A kubernetes
for version in "${versions[@]}"; do
	kubernetes[$version]=$(part "nodeimage-kubernetes-$version" make_kubernetes kubernetes/go.mod kubernetes/go.sum kubernetes/*.go)
done
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
CGO_ENABLED=0 go build -trimpath -o "$archive" ./archive

inputs=$(mktemp)
trap 'rm -f "$archive" "$inputs"' EXIT
{
	echo "$debian" "$ignition" "$network" "${kubernetes[@]}"
	find root -printf '%p %m %l\n' | sort
	find root -type f | sort | xargs cat
	cat versions.txt archive/*.go
	declare -f settle
} | sed "s#$cache/##g" >"$inputs"
key=$({ go version; cat "$inputs"; declare -f make_image; } | sha256sum | cut -c1-16)
image="$cache/nodeimage-$key"
if [ ! -e "$image" ]; then
	echo "node image: putting the parts together" >&2
	rm -rf --one-file-system "$image.new"
	make_image "$image.new" >&2
	mv "$image.new" "$image"
fi
echo "$image"
