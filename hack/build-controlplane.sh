#!/usr/bin/env bash
# Builds ocne-controlplane, or takes it from the cache: compiling kube-apiserver is minutes of work that our own code never changes.
#   hack/build-controlplane.sh OUTPUT
set -euo pipefail
output=$(realpath -m "${1:?usage: $0 OUTPUT}")
cd "$(dirname "$0")/../controlplane"

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
key=$({ go version; cat go.mod go.sum ./*.go ../hack/build-controlplane.sh; } | sha256sum | cut -c1-16)
cached="${OCNE_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ocne-build}/ocne-controlplane-$key"

if [ ! -x "$cached" ]; then
	echo "building ocne-controlplane (Kubernetes $kubernetes): some minutes, once" >&2
	minor=${kubernetes#v1.}
	stamp=k8s.io/component-base/version
	ldflags="-s -w -X $stamp.gitVersion=$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*} -X $stamp.gitTreeState=clean -X $stamp.gitCommit=module"
	mkdir -p "$(dirname "$cached")"
	CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$cached.$$" .
	mv "$cached.$$" "$cached"
fi
mkdir -p "$(dirname "$output")"
cp -f "$cached" "$output.$$" && mv "$output.$$" "$output"
