#!/usr/bin/env bash
# Makes the node image with another kind of nodes in it, or takes it from the cache, and prints its directory: as its version v1.2.3-cloud-init
# of Kubernetes it has nodes whose document cloud-init reads. All else is what hack/node-image.sh makes, linked and not copied.
# Needs what that needs.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. hack/parts.sh
umask 022

base=$(hack/node-image.sh)
cd test/nodeimage

# Debian's resolver finds what cloud-init needs beside the node image's own packages.
make_cloud_debian() {
	local needed
	needed=$(cat packages.txt cloud/packages.txt | paste -sd,)
	mmdebstrap --mode=root --variant=minbase --quiet --include="$needed" \
		--aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$1"
}

packages_of() {
	(cd "$1/var/lib/dpkg/info" && ls -- *.list) | sort
}

# files_of_new prints the files of the packages that only the first of two systems has, below the directories where they really are.
files_of_new() {
	local list file
	comm -23 <(packages_of "$1") <(packages_of "$2") | while read -r list; do
		while read -r file; do
			if [ -L "$1$file" ] || [ -f "$1$file" ]; then
				printf '%s\n' "$file"
			fi
		done <"$1/var/lib/dpkg/info/$list"
	done | sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#; s#^/##'
}

make_cloud_image() {
	local version tree
	mkdir -p "$1/versions"
	ln -s "$base/root" "$1/root"
	for version in "$base"/versions/*; do
		ln -s "$version" "$1/versions/"
	done
	tree="$1/versions/$version_of_cloud"
	cp -al "$base/versions/${version_of_cloud%-cloud-init}" "$tree"
	files_of_new "$cloud" "$base/root" | tar -C "$cloud" --no-recursion --files-from - -cf - | tar -C "$tree" -xpf -
	cp -R --remove-destination cloud/root/. "$tree/"
	sed "s/]}/,\"$version_of_cloud\"]}/" "$base/image.json" >"$1/image.json"
}

version_of_cloud="$(head -n 1 versions.txt)-cloud-init"
cloud=$(part nodeimage-cloud-debian make_cloud_debian packages.txt cloud/packages.txt)
inputs=$(mktemp)
trap 'rm -f "$inputs"' EXIT
{
	echo "$base" "$cloud" "$version_of_cloud"
	find cloud/root -type f -printf '%p %m\n' | sort
	find cloud/root -type f | sort | xargs cat
	declare -f packages_of files_of_new
} | sed "s#$cache/##g" >"$inputs"
part nodeimage-cloud make_cloud_image "$inputs"
