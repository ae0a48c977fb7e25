package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// Selection says which cluster is meant, and in which management cluster to look for it.
type Selection struct {
	// Config gives the name and the namespace. It need not be valid.
	Config *config.Config
	// ConfigFile is the absolute path of the cluster file; empty when there is none. It is remembered.
	ConfigFile string
	// AnyNamespace looks for the name in every namespace instead of the configuration's.
	AnyNamespace bool
	// Management chooses the management cluster.
	Management ManagementOptions
}

// open connects to the management cluster that is named, or that is remembered for the cluster, and finds the cluster in it; the error says
// which ones there are. An embedded management cluster that holds no cluster is not left running.
func (o Selection) open(ctx context.Context, report progress.Reporter) (*Management, *clusterv1.Cluster, error) {
	mem, err := recall(o.Management, o.Config, o.AnyNamespace, report)
	if err != nil {
		return nil, nil, err
	}
	o.Config = mem.config(o.Config)
	m, found, err := o.look(ctx, mem, report)
	if err != nil {
		return nil, nil, err
	}
	mem.tell(o.Management, m, report)
	mem.saw(ctx, m, found, o.ConfigFile, report)
	return m, found, nil
}

// keyOf is the key of the configured cluster.
func keyOf(c *config.Config) client.ObjectKey {
	return client.ObjectKey{Namespace: c.Namespace, Name: c.Name}
}

// look finds the cluster where it may be.
func (o Selection) look(ctx context.Context, mem *memory, report progress.Reporter) (*Management, *clusterv1.Cluster, error) {
	if mem.atHome(o.Config) {
		if m, found, err := o.openHome(ctx, mem, report); m != nil || err != nil {
			return m, found, err
		}
	}
	m, err := OpenExistingManagement(ctx, mem.options(o.Management), report)
	switch {
	case err != nil && mem.chooses:
		return nil, nil, mem.lost(ctx, err)
	case errors.Is(err, ErrNoManagement):
		return nil, nil, &AdvisedError{
			Err:    fmt.Errorf("there is no cluster %s, because there is no management cluster", o.Config.Name),
			Advice: "Name the management cluster with --kubeconfig or KUBECONFIG, or make the cluster with 'ocne cluster start'.",
		}
	case err != nil:
		return nil, nil, err
	}
	found, others, err := m.find(ctx, o)
	switch {
	case err != nil:
		return nil, nil, errors.Join(err, m.Close())
	case found != nil:
		return m, found, nil
	case mem.replaced(m):
		err = mem.lost(ctx, errReplaced)
	case mem.chooses:
		err = mem.notThere(m)
	default:
		err = m.noSuchCluster(o.Config.Name, others)
	}
	if len(others) > 0 {
		return nil, nil, errors.Join(err, m.Close())
	}
	return nil, nil, errors.Join(err, m.CloseAndStopIfIdle(ctx, report))
}

// find returns the cluster, or nil and the names of those that exist.
func (m *Management) find(ctx context.Context, o Selection) (*clusterv1.Cluster, []string, error) {
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters); err != nil {
		return nil, nil, fmt.Errorf("list clusters: %w", err)
	}
	var found []*clusterv1.Cluster
	var foundNames, names []string
	for i := range clusters.Items {
		c := &clusters.Items[i]
		name := fullName(c)
		names = append(names, name)
		if c.Name == o.Config.Name && (o.AnyNamespace || c.Namespace == o.Config.Namespace) {
			found, foundNames = append(found, c), append(foundNames, name)
		}
	}
	switch len(found) {
	case 0:
		return nil, names, nil
	case 1:
		return found[0], names, nil
	}
	return nil, nil, &AdvisedError{
		Err:    fmt.Errorf("there are several clusters %s: %s", o.Config.Name, strings.Join(foundNames, ", ")),
		Advice: "Say which one with its configuration file: -c FILE",
	}
}

func fullName(c *clusterv1.Cluster) string {
	return fmt.Sprintf("%s (namespace %s)", c.Name, c.Namespace)
}

// noSuchCluster takes a name that is not there for a mistake.
func (m *Management) noSuchCluster(name string, others []string) error {
	advice := "It holds no cluster at all."
	if len(others) > 0 {
		advice = "Its clusters are:\n  " + strings.Join(others, "\n  ")
	}
	return &AdvisedError{Err: fmt.Errorf("there is no cluster %s in the management cluster %s", name, m.Description), Advice: advice}
}
