#!/usr/bin/env bash
# The demo: a simulated OLVM engine, and against it exactly the command that a user with a real one would run.
#   hack/demo.sh up|down
set -euo pipefail
cd "$(dirname "$0")/.."
state=$PWD/bin/demo
bin=$PWD/bin
config=examples/demo.yaml
listen=127.0.0.1:8443
# The demo brings its own management cluster and shall not obey the user's own settings.
unset KUBECONFIG OCNE_OLVM_SCOPE OCNE_MANAGER_FEATURE_GATES
export OCNE_DEFAULTS=/dev/null

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# A pid may be another program's by now: it counts only while it is our program.
engine_runs() { [ -s "$state/olvmsim.pid" ] && [[ $(readlink "/proc/$(cat "$state/olvmsim.pid")/exe") == "$bin/olvmsim"* ]]; }

stop_engine() {
	local pid
	pid=$(cat "$state/olvmsim.pid")
	kill "$pid"
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	rm -rf "$state"
}

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
	fresh=
	engine_runs || fresh=yes
	start_engine
	cat "$state/olvmsim.ready"
	export OCNE_OLVM_PASSWORD
	OCNE_OLVM_PASSWORD=$(cat "$state/password")
	if [ -n "$fresh" ] && [ -d "$HOME/.ocne/management" ]; then
		say "An earlier demo was cut off; a new engine holds nothing of it, so it is deleted first"
		bin/ocne cluster delete -c "$config"
	fi
	say "2. \$ ocne cluster start --provider olvm -c $config"
	bin/ocne cluster start --provider olvm -c "$config"
	say "3. What the engine holds now"
	inventory
	say "Delete it all again with: make demo-down"
	;;
down)
	if ! engine_runs; then
		if [ ! -d "$HOME/.ocne/management" ]; then
			echo "the demo does not run; start it with: make demo"
			exit 0
		fi
		start_engine
	fi
	export OCNE_OLVM_PASSWORD
	OCNE_OLVM_PASSWORD=$(cat "$state/password")
	say "\$ ocne cluster delete -c $config"
	bin/ocne cluster delete -c "$config"
	say "What the engine holds now"
	inventory
	stop_engine
	;;
*)
	echo "usage: $0 up|down" >&2
	exit 2
	;;
esac
