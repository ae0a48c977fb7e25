#!/usr/bin/env bash
# An engine goes down under five hundred machines, or as many as the argument says, and comes back: prints how often it was asked, and which
# objects changed. Takes some minutes. Needs the programs in bin: make build.
set -euo pipefail
cd "$(dirname "$0")/.."
export OCNE_BIN=${OCNE_BIN:-$PWD/bin}
CGO_ENABLED=0 OCNE_OUTAGE_MACHINES="${1:-500}" go test -trimpath -count=1 -v -timeout 60m -run '^TestAnEngineThatIsDownChangesOneObject$' ./test/crash
