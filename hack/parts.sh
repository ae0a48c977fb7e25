# Sourced by the scripts that make the images of the tests. Parts that take minutes are cached, outside of the tree, by the hash of what they
# are made from.
cache="${OCNE_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ocne-build}"

# part NAME MAKE INPUT... prints the path of a part, and makes it first by calling "MAKE PATH" where it is absent.
part() {
	local name=$1 make=$2 key made
	shift 2
	key=$({ go version; cat "$@"; declare -f "$make"; } | sha256sum | cut -c1-16)
	made="$cache/$name-$key"
	if [ ! -e "$made" ]; then
		echo "making $name, once" >&2
		mkdir -p "$cache"
		rm -rf --one-file-system "$made.new"
		"$make" "$made.new" >&2
		mv "$made.new" "$made"
	fi
	echo "$made"
}
