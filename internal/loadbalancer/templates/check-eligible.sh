#!/bin/bash
# check-eligible.sh SETTINGS
# Exits with 0 only if this node may hold the virtual IP: the other nodes know it (refresh.sh says so), its NGINX works, and its API server
# is live. Keepalived runs it every second, so it is short.
. "$1" || exit 1
[ -e "$STATE/eligible" ] || [ -e "$FIRST" ] || exit 1
# NGINX must answer: a hung one would still let itself be connected to.
exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$HEALTH_PORT" || exit 1
read -r -t 1 -n 1 -u 3 || exit 1
exec 3<&-
# The API server must take connections, now, and have said that it is live within LIVE_FOR seconds: to ask it takes a program and a TLS handshake.
exec 3<>"/dev/tcp/127.0.0.1/$API_PORT" || exit 1
exec 3<&-
read -r now _ </proc/uptime
now=${now%.*}
read -r asked <"$STATE/live" && [ $((now - asked)) -lt "$LIVE_FOR" ] && exit 0
# The certificate of every API server that kubeadm makes has the name kubernetes.
if curl --silent --fail --output /dev/null --noproxy '*' --connect-timeout 1 --max-time 2 --cacert "$CA" \
    --connect-to "kubernetes:443:127.0.0.1:$API_PORT" https://kubernetes/livez; then
    echo "$now" >"$STATE/live"
    exit 0
fi
rm -f "$STATE/live" # and it is asked each time, until it is live again
exit 1
