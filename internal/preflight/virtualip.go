package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// answerTimeout bounds the wait for somebody at the virtual IP: a neighbour answers within milliseconds, and nobody never.
const answerTimeout = 2 * time.Second

const otherVirtualIP = "Choose another virtual IP, which is in no pool of nodes and which nothing uses."

// checkVirtualIP looks for somebody else with the virtual IP: a VM that carries it, or, while the cluster has no VM yet, whatever answers
// there.
func (s *survey) checkVirtualIP(ctx context.Context) {
	w := s.wanted
	if !w.VirtualIP.IsValid() || s.checkHolders() || len(s.members()) > 0 || w.Port == 0 {
		return
	}
	endpoint := net.JoinHostPort(w.VirtualIP.String(), strconv.Itoa(w.Port))
	dialer := net.Dialer{Timeout: answerTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", endpoint)
	switch {
	case err == nil:
		_ = connection.Close()
		s.report(VirtualIP, w.Subjects.VirtualIP,
			fmt.Sprintf("%s is in use: something answers at %s, and the cluster has no VM yet", w.VirtualIP, endpoint), otherVirtualIP)
	case errors.Is(err, syscall.ECONNREFUSED) && !w.VirtualIP.IsLoopback():
		s.warn(VirtualIP, w.Subjects.VirtualIP,
			fmt.Sprintf("%s may be in use: a machine there, or a firewall before it, refuses connections to port %d", w.VirtualIP, w.Port),
			"Make sure that nothing has this address.")
	}
}

// checkHolders looks for a VM that carries the virtual IP as its own address.
func (s *survey) checkHolders() bool {
	network, known := s.virtualIPNetwork()
	for _, h := range s.holders() {
		if h.address != s.wanted.VirtualIP || known && h.mark.Network != network {
			continue
		}
		cause := fmt.Sprintf("%s is in use: VM %s of cluster %s has this address", h.address, h.vm, h.mark.Cluster)
		if known {
			s.report(VirtualIP, s.wanted.Subjects.VirtualIP, cause, otherVirtualIP)
		} else {
			s.warn(VirtualIP, s.wanted.Subjects.VirtualIP, cause, "If that is on the same network: "+otherVirtualIP)
		}
		return true
	}
	return false
}

// virtualIPNetwork is the engine's id of the network that the virtual IP is on. Without machines nobody knows it: another network may
// have the same addresses.
func (s *survey) virtualIPNetwork() (id string, known bool) {
	for _, p := range s.places {
		if p.group.HoldsVirtualIP && p.network != nil {
			return p.network.ID, true
		}
	}
	return "", false
}
