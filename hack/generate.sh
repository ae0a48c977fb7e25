#!/usr/bin/env bash
# Writes everything that is generated and committed: deep copies and CRDs of api/v1, and what is taken from the pinned Cluster API.
set -euo pipefail
cd "$(dirname "$0")/.."
CGO_ENABLED=0 go run -trimpath ./hack/generate
