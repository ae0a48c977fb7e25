#!/usr/bin/env bash
# Writes the replace lines that k8s.io/kubernetes needs into controlplane/go.mod, or the go.mod of the directory that is named: it
# requires its staging modules at v0.0.0, so each must be pointed at the published module of the same release.
#   hack/controlplane-mod.sh v1.36.3
#   hack/controlplane-mod.sh v1.34.4 test/nodeimage/kubernetes
set -euo pipefail
version=${1:?usage: $0 vMAJOR.MINOR.PATCH of Kubernetes [DIRECTORY]}
staging="v0.${version#v1.}"
cd "$(dirname "$0")/../${2:-controlplane}"

go mod download "k8s.io/kubernetes@$version"
upstream="$(go env GOMODCACHE)/cache/download/k8s.io/kubernetes/@v/$version.mod"
modules=$(awk '/=> \.\/staging/ {print $1 == "replace" ? $2 : $1}' "$upstream")
[ -n "$modules" ] || { echo "no staging modules found in $upstream" >&2; exit 1; }

args=(-require="k8s.io/kubernetes@$version")
for module in $modules; do
	args+=(-replace="$module=$module@$staging")
done
go mod edit "${args[@]}"
go mod tidy
