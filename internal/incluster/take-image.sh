#!/bin/bash
# Puts the container image of the cluster's controllers into this node's image store. The image is in ConfigMaps, because a cluster that
# manages itself needs it on every control plane node that is ever made, also where no registry has it. They are read from this node's own
# API server, with the kubelet's credentials.
set -u -o pipefail
NAMESPACE={{.Namespace}}
INDEX={{.Index}}
API_PORT={{.APIServerPort}}
CA=/etc/kubernetes/pki/ca.crt
KUBECONFIG=/etc/kubernetes/kubelet.conf
list() { {{.Store.List}}; }
load() { {{.Store.Load}} "$1"; }

say() { echo "$*" >&2; }

# get NAME FILE reads a ConfigMap. It prints nothing when there is none, or no answer: the cluster need not manage itself yet.
get() {
    local code
    code=$(curl --silent --noproxy '*' --connect-timeout 2 --max-time 60 --cacert "$CA" --cert "$certificate" --key "$certificate" \
        --connect-to "kubernetes:443:127.0.0.1:$API_PORT" --output "$2" --write-out '%{http_code}' \
        "https://kubernetes/api/v1/namespaces/$NAMESPACE/configmaps/$1")
    [ "$code" = 200 ]
}

certificate=$(sed -n 's/^ *client-certificate: *//p' "$KUBECONFIG" 2>/dev/null | head -n 1)
[ -r "$certificate" ] || exit 0 # kubeadm has not finished
work=$(mktemp -d /var/tmp/ocne-controllers.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

get "$INDEX" "$work/index" || exit 0
image=$(jq --raw-output .data.image "$work/index")
sha256=$(jq --raw-output .data.sha256 "$work/index")
parts=$(jq --raw-output .data.parts "$work/index")
images=$(list) # whole: grep stops at the first match, and a list that cannot be written to the end counts as failed
if grep -qxF "$image" <<<"$images"; then exit 0; fi
for ((n = 0; n < parts; n++)); do
    if ! get "$INDEX-${sha256:0:12}-$n" "$work/part" || ! jq --raw-output .binaryData.part "$work/part" | base64 --decode >>"$work/image.tar"; then
        say "part $n of image $image cannot be read from the cluster's ConfigMap $NAMESPACE/$INDEX-${sha256:0:12}-$n"
        exit 1
    fi
done
if [ "$(sha256sum <"$work/image.tar")" != "$sha256  -" ]; then
    say "the parts of image $image are not what the ConfigMap $NAMESPACE/$INDEX says"
    exit 1
fi
load "$work/image.tar" >&2 && say "loaded image $image"
