// Package container runs the guests of simulated VMs as containers on Linux: each has systemd as PID 1, the disk, the NICs and the serial
// console of its VM, and boots a node image as a VM would boot its disk. What its document says is put on the disk by the real Ignition.
//
// It needs root, and the cgroup hierarchies of version 1 that systemd and a kubelet use. Guests run in namespaces of their own; nothing of
// the machine's network, mounts or settings is changed. All of them end with the process that started them, also when it is killed: then
// a process that watches it ends them and removes their cgroups and disks. Should that be killed too, the next New does it.
//
// The VMs' NICs are on one segment, a bridge in a network namespace of the Guests' own. Programs outside reach it through an HTTP proxy
// (Guests.Proxy), or run in it (EnterSegment).
package container
