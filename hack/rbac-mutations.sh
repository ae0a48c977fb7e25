#!/usr/bin/env bash
# Removes each right of the shipped roles, one at a time, and lives a cluster's whole life without it: every one must be missed. Prints a
# table. Needs the programs in bin: make build. An argument names the rules to try, by a part of their text, such as "events".
set -euo pipefail
cd "$(dirname "$0")/.."
export OCNE_BIN=${OCNE_BIN:-$PWD/bin}
cd test/packages
CGO_ENABLED=0 OCNE_RBAC_MUTATIONS="${1:-all}" go test -trimpath -count=1 -v -timeout 60m -run '^TestEveryRuleOfTheShippedRolesIsNeeded$' . |
	grep -v '^=== '
