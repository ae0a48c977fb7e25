#!/bin/bash
# refresh.sh SETTINGS
# Makes the lists of Keepalived and NGINX what endpoints/kubernetes says, which the API servers keep themselves: each is in it for as long as
# it renews its lease. It is read from this node's own API server, so that neither the virtual IP nor another node is needed, with the
# kubelet's credentials, which may read it (the kubelet may not read other Nodes).
#
# It also decides when this node may hold the virtual IP. A node that the holder does not send its adverts to would take the address from it,
# so a node that joins, or comes back, waits until the others have read the list.
set -u -o pipefail
. "$1" || exit 1

# Where adverts go when there are no others.
NOBODY=127.0.0.1

say() { echo "$*" >&2; }

# now in seconds since the boot: the time of day may be set while the node starts.
read -r now _ </proc/uptime
now=${now%.*}

# since FILE prints how many seconds ago FILE was written with the time in it.
since() { echo $((now - $(cat "$1" 2>/dev/null || echo "$now"))); }

# unsettle makes the next look a thorough one. Until now all peers were listed.
unsettle() {
    local file
    [ -e "$STATE/settled" ] || return 0
    for file in "$STATE"/peers/*; do
        [ ! -e "$file" ] || echo "$now" >"$file"
    done
    rm -f "$STATE/settled"
}

# not_listed ends the right to hold the virtual IP, after a while: the others are about to forget this node.
not_listed() {
    unsettle
    rm -f "$STATE/listed"
    if [ -e "$STATE/eligible" ] && [ "$(since "$STATE/eligible")" -ge "$LOST" ]; then
        rm -f "$STATE/eligible"
        say "not among the API servers for $LOST s: this node may not hold the virtual IP"
    fi
}

listed() {
    [ -e "$STATE/listed" ] || echo "$now" >"$STATE/listed"
    # Alone there is nobody to wait for.
    if [ -e "$STATE/eligible" ] || [ "$1" = alone ] || [ "$(since "$STATE/listed")" -ge "$HOLD" ]; then
        [ -e "$STATE/eligible" ] || say "this node may hold the virtual IP"
        echo "$now" >"$STATE/eligible"
        rm -f "$FIRST"
    fi
}

# others FILE prints the addresses of others between the marks of FILE.
others() { sed -n '/# others$/,/# end of others$/s/^ *\([0-9][0-9.]*\)$/\1/p' "$1" | grep -vx "$NOBODY"; }

# with_others FILE LINE... prints FILE with other lines between the marks.
with_others() {
    local file=$1 inside='' line
    shift
    while IFS= read -r line; do
        case $line in *'# end of others') inside='' ;; esac
        [ -n "$inside" ] || printf '%s\n' "$line"
        case $line in
        *'# others')
            inside=1
            [ $# -eq 0 ] || printf '%s\n' "$@"
            ;;
        esac
    done <"$file"
}

# replace FILE WORD UNIT TEST puts FILE.new in the place of FILE and reloads UNIT. Keepalived drops the address when it reads an empty file
# and exits when it reads a wrong one, so FILE.new must hold WORD and pass TEST, and is on the disk before it gets the name: where power fails,
# some file systems keep a new name and lose the content. A reload that failed is done again the next time.
replace() {
    local file=$1 word=$2 unit=$3 test=$4 told=''
    if grep -q "$word" "$file" && cmp -s "$file.new" "$file"; then
        rm -f "$file.new"
    elif grep -q "$word" "$file.new" && told=$($test 2>&1); then
        touch "$STATE/reload-$unit"
        chmod 644 "$file.new" && sync "$file.new" && mv -f "$file.new" "$file"
    else
        say "$file.new is not used: ${told:-it does not hold $word}"
        touch "$STATE/unused-$unit"
        return
    fi
    rm -f "$STATE/unused-$unit"
    if [ -e "$STATE/reload-$unit" ] && systemctl try-reload-or-restart "$unit"; then
        rm -f "$STATE/reload-$unit"
    fi
}

certificate=''
while [ -r "$KUBECONFIG" ] && read -r key value; do
    [ "$key" != client-certificate: ] || certificate=$value
done <"$KUBECONFIG"
[ -r "$certificate" ] || exit 0 # kubeadm has not finished
[ -d "$STATE/peers" ] || mkdir -p "$STATE/peers"
if [ ! -e "$STATE/known" ]; then # the node has booted: go on with those that it knew
    for peer in $(others "$KEEPALIVED"); do echo "$now" >"$STATE/peers/$peer"; done
    touch "$STATE/known"
fi

code=$(curl --silent --noproxy '*' --connect-timeout 2 --max-time 5 --cacert "$CA" --cert "$certificate" --key "$certificate" \
    --connect-to "kubernetes:443:127.0.0.1:$API_PORT" --output "$STATE/endpoints" --write-out '%{http_code}' \
    https://kubernetes/api/v1/namespaces/default/endpoints/kubernetes)
case $code in
200) # Mostly it is what it was, and so are the files: then there is nothing to do, and on a small node a dozen programs fewer are felt.
    if [ -e "$STATE/settled" ] && [ "$KEEPALIVED" -ot "$STATE/settled" ] && [ "$NGINX" -ot "$STATE/settled" ] &&
        cmp -s "$STATE/endpoints" "$STATE/settled"; then
        echo "$now" >"$STATE/eligible"
        exit 0
    fi
    unsettle
    ;;
4*) # The API server is well and refuses us: the virtual IP must not go because of that.
    say "GET endpoints/kubernetes: the API server answers $code to the kubelet's credentials; the lists stay as they are"
    [ ! -e "$STATE/eligible" ] || echo "$now" >"$STATE/eligible"
    exit 1
    ;;
*)
    not_listed
    exit 0
    ;;
esac
addresses=$(jq --raw-output '.subsets[]?.addresses[]?.ip' "$STATE/endpoints" | grep -E '^[0-9]+(\.[0-9]+){3}$' | LC_ALL=C sort -u)
if [ -z "$addresses" ]; then
    say "endpoints/kubernetes holds no address: the lists stay as they are"
    exit 1
fi

backends=() peers=() alone=alone
for address in $addresses; do
    [ "$address" != "$ADDRESS" ] || continue
    alone=''
    echo "$now" >"$STATE/peers/$address"
    backends+=("        server $address:$API_PORT max_fails=1 fail_timeout=5s;")
done
# Adverts go on for a while to a node that is not listed: it may be well and only slow, and would take the address if it heard nothing.
for file in "$STATE"/peers/*; do
    [ -e "$file" ] || continue
    if [ "$(since "$file")" -ge "$FORGET" ]; then
        rm -f "$file"
    else
        peers+=("        ${file##*/}")
    fi
done

[ ${#peers[@]} -gt 0 ] || peers=("        $NOBODY")
with_others "$KEEPALIVED" "${peers[@]}" >"$KEEPALIVED.new"
replace "$KEEPALIVED" vrrp_instance keepalived.service "$KEEPALIVED_TEST"
with_others "$NGINX" ${backends[@]+"${backends[@]}"} >"$NGINX.new"
replace "$NGINX" upstream "$NGINX_UNIT" "$NGINX_TEST"

if grep -qx "$ADDRESS" <<<"$addresses"; then listed "$alone"; else not_listed; fi

# There is nothing left to do when this node may hold the address, all peers are listed and both programs work with the lists.
set -- "$STATE"/peers/*
[ -e "$1" ] || shift
if [ -e "$STATE/eligible" ] && [ -e "$STATE/listed" ] && [ ! -e "$FIRST" ] && [ $# -eq ${#backends[@]} ] &&
    ! compgen -G "$STATE/reload-*" >/dev/null && ! compgen -G "$STATE/unused-*" >/dev/null; then
    mv -f "$STATE/endpoints" "$STATE/settled"
    touch "$STATE/settled" # younger than the files, also where times are coarse
fi
