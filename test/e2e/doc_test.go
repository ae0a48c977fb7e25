// Package e2e lives clusters' lives with real nodes: every VM of the simulated engine is a container with systemd, Ignition, containerd,
// kubeadm and kubelet in it. It needs root and a node image: make e2e.
package e2e
