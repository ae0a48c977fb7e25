package config

import (
	"fmt"
	"net/netip"
)

// CheckControlPlaneNodes says what is wrong with a number of control plane nodes.
func CheckControlPlaneNodes(n int) error {
	switch {
	case n < 1 || n > maxControlPlaneNodes:
		return fmt.Errorf("is %d: write 1, 3, 5 or %d", n, maxControlPlaneNodes)
	case n%2 == 0:
		return fmt.Errorf("is %d, but etcd needs an odd number to keep its majority: write %d or %d", n, n-1, n+1)
	}
	return nil
}

// CheckWorkerNodes says what is wrong with a number of workers.
func CheckWorkerNodes(n int) error {
	if n < 0 || n > maxNodes {
		return fmt.Errorf("is %d: write a number from 0 to %d", n, maxNodes)
	}
	return nil
}

// CheckPodSubnets says whether the pod subnets of a cluster have room for a number of nodes; the error is a *ValidationError.
func CheckPodSubnets(subnets []string, nodes int) error {
	v := &validator{config: &Config{WorkerNodes: nodes}}
	for _, subnet := range subnets {
		if p, err := netip.ParsePrefix(subnet); err == nil {
			v.podSize(p.Masked())
		}
	}
	if len(v.problems) == 0 {
		return nil
	}
	return &ValidationError{Problems: v.problems}
}
