// Package record remembers which management cluster holds which cluster, in ~/.ocne/clusters.yaml. The file is written as a whole, under a
// lock, for its owner only; it holds names, paths and ids, and no secret.
package record

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what sort of management cluster holds a cluster.
type Kind string

// The kinds.
const (
	// Embedded is the management cluster that ocne runs on this machine, in ~/.ocne/management.
	Embedded Kind = "embedded"
	// Kubeconfig is one that kubeconfig files lead to.
	Kubeconfig Kind = "kubeconfig"
	// Self is the cluster itself.
	Self Kind = "self"
	// Libvirt is one that ocne has made on a libvirt host, and removes when it manages nothing any more.
	Libvirt Kind = "libvirt"
)

// maxHistory bounds what is remembered of former management clusters.
const maxHistory = 5

// Management is a management cluster and the way to it.
type Management struct {
	Kind Kind `json:"kind"`
	// Files are the absolute paths of the kubeconfig: one, or several that are merged as kubectl does. None when embedded.
	Files []string `json:"files,omitempty"`
	// Context in the files; empty means the one that is current when they are read.
	Context string `json:"context,omitempty"`
	// Server is the URL of its API when it was used last, for people.
	Server string `json:"server,omitempty"`
	// UID is that of its namespace kube-system, which no two clusters have in common; empty when its account may not read it.
	UID string `json:"uid,omitempty"`
	// Host is the URI of the libvirt host, and Cluster its name there; both are empty for the other kinds.
	Host    string `json:"host,omitempty"`
	Cluster string `json:"cluster,omitempty"`
}

// String names the management cluster for people.
func (m Management) String() string {
	var name string
	switch m.Kind {
	case Embedded:
		return "the embedded management cluster"
	case Self:
		name = "the cluster itself"
	case Libvirt:
		name = "the management cluster " + m.Cluster + " on " + m.Host
	default:
		name = cmp.Or(m.Server, "the management cluster")
	}
	name += " (kubeconfig " + strings.Join(m.Files, ", ")
	if m.Context != "" {
		name += ", context " + m.Context
	}
	return name + ")"
}

// Same says whether two are one and the same management cluster, by whatever way it is reached.
func (m Management) Same(other Management) bool {
	if m.UID != "" && other.UID != "" {
		return m.UID == other.UID
	}
	return m.SameWay(other)
}

// SameWay says whether two are reached in the same way. Another cluster may have come to be at its end.
func (m Management) SameWay(other Management) bool {
	return m.Kind == other.Kind && m.Context == other.Context && slices.Equal(m.Files, other.Files)
}

// Period is the time in which a management cluster held a cluster.
type Period struct {
	Management
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Cluster is what is remembered of a cluster.
type Cluster struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Provider is that of its infrastructure, such as olvm.
	Provider string `json:"provider,omitempty"`
	// Config is the absolute path of the cluster file that it was started with last; empty when there was none.
	Config string `json:"config,omitempty"`
	// Management holds the cluster's objects.
	Management Management `json:"management"`
	// Since is when it was first seen to hold them.
	Since time.Time `json:"since"`
	// MovingTo is the management cluster that the objects are on their way to; nil when they are not.
	MovingTo *Management `json:"movingTo,omitempty"`
	// History has the former management clusters, the latest first: maxHistory at most.
	History []Period `json:"history,omitempty"`
}

func (c *Cluster) fullName() string { return c.Namespace + "/" + c.Name }

// held returns what is to be remembered after it was found out by whom the cluster is held. It keeps what by does not know.
func (c Cluster) held(by Cluster, now time.Time) Cluster {
	same := c.Management.Same(by.Management)
	if same {
		by.Management.UID = cmp.Or(by.Management.UID, c.Management.UID)
		if m := c.Management; m.Kind == Libvirt && by.Management.Kind == Kubeconfig && slices.Equal(m.Files, by.Management.Files) {
			by.Management.Kind, by.Management.Host, by.Management.Cluster = m.Kind, m.Host, m.Cluster // named by hand, it is still ours
		}
	} else {
		c.History = append([]Period{{Management: c.Management, Since: c.Since, Until: now}}, c.History...)
		c.History = c.History[:min(len(c.History), maxHistory)]
		c.Since = now
	}
	c.Management, c.MovingTo = by.Management, by.MovingTo
	c.Provider, c.Config = cmp.Or(by.Provider, c.Provider), cmp.Or(by.Config, c.Config)
	return c
}

// document is the content of the file.
type document struct {
	Version  int       `json:"version"`
	Clusters []Cluster `json:"clusters"`
}

func (d *document) check() error {
	seen := map[string]bool{}
	for i := range d.Clusters {
		c := &d.Clusters[i]
		if c.Name == "" || c.Namespace == "" {
			return fmt.Errorf("cluster %d has no name or no namespace", i+1)
		}
		if seen[c.fullName()] {
			return fmt.Errorf("cluster %s is in it twice", c.fullName())
		}
		seen[c.fullName()] = true
		for _, m := range append([]Management{c.Management}, c.moving()...) {
			if err := m.check(); err != nil {
				return fmt.Errorf("cluster %s: %w", c.fullName(), err)
			}
		}
	}
	return nil
}

func (c *Cluster) moving() []Management {
	if c.MovingTo == nil {
		return nil
	}
	return []Management{*c.MovingTo}
}

func (m Management) check() error {
	switch m.Kind {
	case Embedded:
		return nil
	case Kubeconfig, Self:
		if len(m.Files) == 0 || slices.Contains(m.Files, "") {
			return fmt.Errorf("a management cluster of kind %s has no kubeconfig files", m.Kind)
		}
		return nil
	case Libvirt:
		if len(m.Files) != 1 || m.Files[0] == "" || m.Host == "" || m.Cluster == "" {
			return fmt.Errorf("a management cluster of kind %s has no kubeconfig file, no host or no name", m.Kind)
		}
		return nil
	}
	return fmt.Errorf("unknown kind %q of a management cluster", m.Kind)
}

func (d *document) find(namespace, name string) *Cluster {
	for i := range d.Clusters {
		if c := &d.Clusters[i]; c.Namespace == namespace && c.Name == name {
			return c
		}
	}
	return nil
}

func (d *document) sort() {
	slices.SortFunc(d.Clusters, func(a, b Cluster) int { return cmp.Compare(a.fullName(), b.fullName()) })
}
