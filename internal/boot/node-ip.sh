#!/bin/bash
# node-ip.sh DEVICE IPV4 FLAGS
# The kubelet reports two families only when both addresses are among its arguments, and the one that a node makes from router
# advertisements is known nowhere but on the node. This runs before each start of the kubelet and puts that address beside the IPv4
# address in FLAGS, the file in which kubeadm keeps the kubelet's arguments. A node IP that somebody else chose stays.
set -u
device=$1 ipv4=$2 flags=$3
patience=30 # seconds; the kubelet's unit has 90 to start

# global_address prints the first address of the device that lasts.
global_address() {
    ip -6 -o address show dev "$device" scope global | while read -ra words; do
        case " ${words[*]} " in
        *" tentative "* | *" dadfailed "* | *" deprecated "* | *" temporary "*) ;;
        *) echo "${words[3]%/*}" ;;
        esac
    done | LC_ALL=C sort | head -n 1
}

[ -e "$flags" ] || exit 0 # kubeadm has not run yet; it starts the kubelet again

ipv6=$(global_address)
while [ -z "$ipv6" ] && [ "$SECONDS" -lt "$patience" ]; do
    sleep 1
    ipv6=$(global_address)
done
if [ -z "$ipv6" ]; then
    message="ocne: $device has no global IPv6 address after $patience s: the node reports IPv4 only. Does a router advertise a prefix? \
Once it does: systemctl restart kubelet"
    echo "$message" >&2
    echo "$message" >/dev/console
fi
cp -p "$flags" "$flags.new" || exit # with its mode
sed "s#--node-ip=${ipv4}\(,[0-9a-fA-F:]*\)\{0,1\}\([\" ]\|\$\)#--node-ip=${ipv4}${ipv6:+,$ipv6}\2#" "$flags" >"$flags.new" || exit
# Nobody writes the file again if power fails before its content is on the disk.
if cmp -s "$flags.new" "$flags"; then rm -f "$flags.new"; else sync "$flags.new" && mv -f "$flags.new" "$flags"; fi
