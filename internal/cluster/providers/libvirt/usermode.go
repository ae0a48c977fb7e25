package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"

	rpc "github.com/digitalocean/go-libvirt"
)

// portsTried is how many ports are tried for the forwarding of one API.
const portsTried = 100

// userMode says whether a cluster gets user-mode networking.
func (h *host) userMode(n Network) bool { return n.UserMode || h.session && n.Name == "" }

// requireConnected fails with ErrTooManyNodes when the nodes could not reach each other.
func (h *host) requireConnected(o Options) error {
	if !h.userMode(o.Network) || o.ControlPlaneNodes+o.WorkerNodes == 1 {
		return nil
	}
	return &Error{
		Op: "make network of cluster", Object: o.Cluster,
		Err: fmt.Errorf("%w, and %d are wanted", ErrTooManyNodes, o.ControlPlaneNodes+o.WorkerNodes),
		Remedy: "Ask for one control plane node and no workers, or use the machine's own daemon, which can make networks: " +
			"providers.libvirt.uri: qemu:///system.",
	}
}

// userNetwork is user-mode networking with a port of this machine forwarded to the node's API.
func (h *host) userNetwork(ctx context.Context, o Options, known []owned) (lan, error) {
	subnet := o.Network.UserSubnet
	if !subnet.IsValid() {
		subnet = defaultUserSubnet()
	}
	l := lan{subnet: subnet.Masked(), apiPort: o.APIPort}
	l.gateway, l.dns = l.number(2).Addr(), l.number(3).Addr()
	for _, k := range known {
		if _, port, err := net.SplitHostPort(k.mark.Server); err == nil && k.mark.Network == "" {
			l.hostPort, err = strconv.Atoi(port)
			return l, err
		}
	}
	port, err := h.freePort(ctx, cmp.Or(o.Network.HostPort, o.APIPort))
	l.hostPort = port
	return l, err
}

// freePort is a port that nobody listens on and that no domain of the host forwards, running or not.
func (h *host) freePort(ctx context.Context, first int) (int, error) {
	forwarded, err := h.forwardedPorts()
	if err != nil {
		return 0, err
	}
	var last error
	for port := first; port < min(first+portsTried, 1<<16); port++ {
		if forwarded[port] {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", hostPort(loopback, port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, &Error{
		Op: "forward the API from", Object: hostPort(loopback, first), Err: because(ErrNoPort, fmt.Sprintf("from %d on", first), last),
		Remedy: "End a program that listens there, or choose another port in kubeApiServerBindPort.",
	}
}

// forwardedPorts are those that the descriptions of domains forward.
func (h *host) forwardedPorts() (map[int]bool, error) {
	domains, _, err := h.ConnectListAllDomains(1, rpc.ConnectListDomainsActive|rpc.ConnectListDomainsInactive)
	if err != nil {
		return nil, failed("list domains of", h.uri, err)
	}
	forwarded := map[int]bool{}
	rule := regexp.MustCompile(`hostfwd=tcp:[0-9.]*:([0-9]+)-|<range start=['"]([0-9]+)['"]`)
	for _, d := range domains {
		text, err := h.DomainGetXMLDesc(d, 0)
		if isCode(err, rpc.ErrNoDomain) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, failed("look at domain", d.Name, err)
		}
		for _, found := range rule.FindAllStringSubmatch(text, -1) {
			if port, err := strconv.Atoi(cmp.Or(found[1], found[2])); err == nil {
				forwarded[port] = true
			}
		}
	}
	return forwarded, nil
}
