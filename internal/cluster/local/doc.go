// Package local makes clusters whose nodes are virtual machines of a libvirt host. No management cluster is behind them, and nothing of them is
// remembered: the host knows them. They are for trying things, and to be management clusters.
package local
