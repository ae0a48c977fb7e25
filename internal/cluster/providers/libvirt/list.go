package libvirt

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
)

// Cluster is a cluster on a host, as the host knows it.
type Cluster struct {
	Name string `json:"name"`
	// Server is host:port of the API, as this machine reaches it.
	Server string `json:"server"`
	// KubernetesVersion that it was made with.
	KubernetesVersion string `json:"kubernetesVersion"`
	// Ready says that it was complete once.
	Ready bool `json:"ready"`
	// Network is empty with user-mode networking.
	Network string `json:"network"`
	Pool    string `json:"pool"`
	Nodes   []Node `json:"nodes"`
	// Owner is who a private cluster belongs to; nobody for one that is everybody's.
	Owner Owner `json:"-"`
}

// Node is a virtual machine of a cluster.
type Node struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// ID is the domain's UUID, and the node's system UUID.
	ID string `json:"id"`
	// State is libvirt's: running, shut off, paused, crashed and so on.
	State   string     `json:"state"`
	Address netip.Addr `json:"address"`
}

// List returns all clusters of ours on a host, by name.
func List(ctx context.Context, c Connection) ([]Cluster, error) {
	return clusters(ctx, c, "")
}

// Info returns one cluster. It fails with ErrNoCluster when there is none.
func Info(ctx context.Context, c Connection, cluster string) (Cluster, error) {
	found, err := clusters(ctx, c, cluster)
	if err != nil {
		return Cluster{}, err
	}
	if len(found) == 0 {
		return Cluster{}, &Error{Op: "look at cluster", Object: cluster, Err: ErrNoCluster}
	}
	return found[0], nil
}

func clusters(ctx context.Context, c Connection, cluster string) ([]Cluster, error) {
	h, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer h.close()
	known, err := h.domains(cluster)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(known, func(a, b owned) int {
		return cmp.Or(strings.Compare(a.mark.Cluster, b.mark.Cluster), strings.Compare(string(a.mark.Role), string(b.mark.Role)),
			cmp.Compare(a.mark.Index, b.mark.Index))
	})
	var out []Cluster
	for _, k := range known {
		if len(out) == 0 || out[len(out)-1].Name != k.mark.Cluster {
			out = append(out, Cluster{
				Name: k.mark.Cluster, Server: k.mark.Server, KubernetesVersion: k.mark.Version, Ready: true, Network: k.mark.Network, Pool: k.mark.Pool,
				Owner: k.mark.owner(),
			})
		}
		state, err := h.state(k.Domain)
		if err != nil {
			return nil, err
		}
		n := Node{Name: k.Name, Role: k.mark.Role, ID: uuid.UUID(k.UUID).String(), State: state}
		if p, err := netip.ParsePrefix(k.mark.Address); err == nil {
			n.Address = p.Addr()
		}
		last := &out[len(out)-1]
		last.Nodes = append(last.Nodes, n)
		last.Ready = last.Ready && k.mark.Ready
	}
	return out, nil
}

// state of a domain in words.
func (h *host) state(d rpc.Domain) (string, error) {
	state, _, err := h.DomainGetState(d, 0)
	if isCode(err, rpc.ErrNoDomain) {
		return "removed", nil
	}
	if err != nil {
		return "", failed("look at domain", d.Name, err)
	}
	names := map[rpc.DomainState]string{
		rpc.DomainRunning: "running", rpc.DomainBlocked: "running", rpc.DomainPaused: "paused", rpc.DomainShutdown: "shutting down",
		rpc.DomainShutoff: "shut off", rpc.DomainCrashed: "crashed", rpc.DomainPmsuspended: "suspended",
	}
	return cmp.Or(names[rpc.DomainState(state)], "unknown"), nil
}
