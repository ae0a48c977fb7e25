package libvirt

import (
	"fmt"
)

// Owner is whose a private cluster is.
type Owner struct {
	// User is the user's name on this machine; empty means nobody, who is refused nothing.
	User string
	// ID is random and kept in the user's home directory; empty when nothing is there.
	ID string
}

// Is compares the ids, or the names where one has no id.
func (o Owner) Is(other Owner) bool {
	if o.ID != "" && other.ID != "" {
		return o.ID == other.ID
	}
	return o.User == other.User
}

// RequireOwner fails with ErrOthers when the cluster is private to somebody else. One without an owner's mark is everybody's.
func (c Cluster) RequireOwner(by Owner) error { return requireOwner(c.Name, c.Owner, by) }

func requireOwner(cluster string, of, by Owner) error {
	if of.User == "" || by.User == "" || of.Is(by) {
		return nil
	}
	whose := "user " + of.User
	if of.User == by.User {
		whose += " with another home directory"
	}
	return &Error{
		Op: "use cluster", Object: cluster, Err: fmt.Errorf("%w: %s", ErrOthers, whose),
		Remedy: "It was left as it is. Give yours another name: ephemeralCluster: {name: NAME} in ~/.ocne/defaults.yaml or the cluster file.",
	}
}

// requireOurs is RequireOwner for the domains of clusters.
func (h *host) requireOurs(known ...owned) error {
	for _, k := range known {
		if err := requireOwner(k.mark.Cluster, k.mark.owner(), h.owner); err != nil {
			return err
		}
	}
	return nil
}
