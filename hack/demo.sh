#!/usr/bin/env bash
# The demo: a simulated OLVM engine, and against it exactly the command that a user with a real one would run.
#   hack/demo.sh up|down
set -euo pipefail
cd "$(dirname "$0")/.."
state=$PWD/bin/demo
bin=$PWD/bin
config=examples/demo.yaml
listen=127.0.0.1:8443
unset KUBECONFIG # the demo brings its own management cluster

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

engine_runs() { [ -s "$state/olvmsim.pid" ] && kill -0 "$(cat "$state/olvmsim.pid")" 2>/dev/null; }

start_engine() {
	if engine_runs; then return; fi
	mkdir -p "$state" && chmod 700 "$state"
	[ -s "$state/password" ] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$state/password")
	: >"$state/olvmsim.ready"
	OLVMSIM_PASSWORD=$(cat "$state/password") setsid "$bin/olvmsim" --listen "$listen" --ca-file "$state/ca.pem" \
		--state-dir "$state/engine" --guests instant --time-scale 10 >"$state/olvmsim.ready" 2>"$state/olvmsim.log" </dev/null &
	echo $! >"$state/olvmsim.pid"
	for _ in $(seq 100); do
		[ -s "$state/olvmsim.ready" ] && return
		engine_runs || break
		sleep 0.1
	done
	echo "the simulated engine did not start:" >&2
	cat "$state/olvmsim.log" >&2
	exit 1
}

inventory() {
	OLVMSIM_PASSWORD=$(cat "$state/password") "$bin/olvmsim" inventory --url "https://$listen/ovirt-engine" --ca-file "$state/ca.pem"
}

export OCNE_OLVM_USERNAME=admin@internal

case ${1:-} in
up)
	say "1. A simulated OLVM engine at https://$listen/ovirt-engine"
	start_engine
	cat "$state/olvmsim.ready"
	export OCNE_OLVM_PASSWORD
	OCNE_OLVM_PASSWORD=$(cat "$state/password")
	say "2. \$ ocne cluster start --provider olvm -c $config"
	"$bin/ocne" cluster start --provider olvm -c "$config"
	say "3. What the engine holds now"
	inventory
	say "Delete it all again with: make demo-down"
	;;
down)
	if ! engine_runs; then
		echo "the demo does not run (no engine); start it with: make demo"
		exit 0
	fi
	export OCNE_OLVM_PASSWORD
	OCNE_OLVM_PASSWORD=$(cat "$state/password")
	say "\$ ocne cluster delete -c $config"
	"$bin/ocne" cluster delete -c "$config"
	say "What the engine holds now"
	inventory
	kill "$(cat "$state/olvmsim.pid")"
	rm -rf "$state"
	;;
*)
	echo "usage: $0 up|down" >&2
	exit 2
	;;
esac
