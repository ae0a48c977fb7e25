//go:build linux

package container

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// inotifySetting is a limit of the machine that all guests share: inotify instances of the user root.
const inotifySetting = "/proc/sys/fs/inotify/max_user_instances"

// inotifyPerNode is what the programs of a node of the control plane take; those of a worker take 19.
const inotifyPerNode = 32

// tooManyNodes tells what is wrong when the machine has not enough for that many nodes; empty when it has. Programs then fail one by one: a
// container runtime runs and cannot run containers, and nothing says why.
func tooManyNodes(setting string, nodes int) string {
	raw, err := os.ReadFile(setting)
	limit, wrong := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || wrong != nil || nodes*inotifyPerNode <= limit {
		return ""
	}
	return fmt.Sprintf("olvmsim: %d VMs run, and the machine allows root %d inotify instances, which are too few if all are Kubernetes nodes: "+
		"sysctl fs.inotify.max_user_instances=%d\n", nodes, limit, max(1024, nodes*inotifyPerNode))
}

// runningMachines counts the VMs that are switched on.
func (g *Guests) runningMachines() (count int) {
	g.mu.Lock()
	machines := make([]*machine, 0, len(g.machines))
	for _, m := range g.machines {
		machines = append(machines, m)
	}
	g.mu.Unlock()
	for _, m := range machines {
		m.mu.Lock()
		if m.run != nil {
			count++
		}
		m.mu.Unlock()
	}
	return count
}
