#!/bin/bash
# kubeadm-attempts.sh SCRIPT CONFIG DIRECTORY KEPT CRI-SOCKET
# Cluster API's kubeadm.service runs SCRIPT, and in it kubeadm, once. A join that meets a busy control plane (another member of etcd that is
# just being added, an API server that restarts) would cost the whole machine. This runs SCRIPT again after it has undone what a join left.
# An init runs once, as ever: others may have begun to join what it made.
#
# KEPT has what is in DIRECTORY, Kubernetes' configuration with the keys of the cluster's CAs, from before the first join until one has
# succeeded; so a machine that was reset in the middle of a join goes on, too, where systemd starts this (cloud-init runs it once).
set -u
script=$1 config=$2 directory=$3 kept=$4 socket=$5
attempts=6 # with the pauses between them five minutes, besides what kubeadm itself waits for

tell() {
    echo "ocne: $1"
    echo "ocne: $1" >/dev/console
}

# keep copies DIRECTORY. The copy gets its name when it is whole.
keep() {
    rm -rf "$kept.new" &&
        (umask 077 && mkdir -p "$kept.new") &&
        if [ -d "$directory" ]; then cp -a "$directory/." "$kept.new/"; fi &&
        sync -f "$kept.new" && # or power that fails now leaves the name, and files without content
        mv "$kept.new" "$kept"
}

# undo leaves the machine as it was before the first join.
undo() {
    kubeadm reset --force --cri-socket "$socket"
    rm -rf "${directory:?}" && cp -a "$kept" "$directory"
}

if ! grep -q '^kind: JoinConfiguration' "$config"; then
    exec /bin/bash "$script"
fi
if [ -d "$kept" ]; then
    tell 'a join was interrupted: undoing what it left, and joining again'
    undo
else
    keep || exit
fi
attempt=1
until /bin/bash "$script"; do
    status=$?
    if [ ! -e "$config" ]; then # kubeadm has succeeded, and a command after it has failed
        rm -rf "$kept"
        exit "$status"
    fi
    if [ "$attempt" = "$attempts" ]; then
        tell "kubeadm join has failed $attempts times, which is the last: see journalctl -u kubeadm; a health check replaces this machine"
        exit "$status"
    fi
    tell "kubeadm join has failed ($attempt of $attempts); again in $((attempt * 20)) s"
    undo
    sleep $((attempt * 20)) # the node that the kubelet made must be seen as not ready, or kubeadm refuses to take its name
    attempt=$((attempt + 1))
done
rm -rf "$kept"
