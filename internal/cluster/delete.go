package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// DeleteOptions say what to delete.
type DeleteOptions struct {
	// Config gives the name, the kubeconfig's path and the names of the Secret and the ConfigMap. It need not be valid.
	Config *config.Config
	// AnyNamespace looks for the name in every namespace instead of the configuration's.
	AnyNamespace bool
	// Management chooses the management cluster.
	Management ManagementOptions
}

// Delete removes a cluster and waits until neither the engine nor the management cluster holds anything of it; then it removes what
// ocne made beside it, and an embedded management cluster that manages nothing any more. It may be interrupted and called again. A
// cluster that is gone already is fine, unless there are others: then its name is taken for a mistake, and the error lists them.
func Delete(ctx context.Context, o DeleteOptions, report progress.Reporter) error {
	m, err := OpenExistingManagement(ctx, o.Management, report)
	if errors.Is(err, ErrNoManagement) {
		report.Step(fmt.Sprintf("There is no management cluster and so no cluster %s: nothing to delete", o.Config.Name))
		return keepKubeconfig(o.Config.KubeconfigPath(), report)
	}
	if err != nil {
		return unfinished(ctx, err, false, nil)
	}
	report.Step("Management cluster: " + m.Description)
	begun, err := m.delete(ctx, o, report)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	return unfinished(ctx, m.CloseAndStopIfIdle(ctx, report), begun, nil)
}

// delete says whether anything was deleted, or began to be.
func (m *Management) delete(ctx context.Context, o DeleteOptions, report progress.Reporter) (begun bool, err error) {
	found, others, err := m.find(ctx, o)
	if err != nil {
		return false, unfinished(ctx, err, false, nil)
	}
	l := leftovers{
		key:        client.ObjectKey{Namespace: o.Config.Namespace, Name: o.Config.Name},
		kubeconfig: o.Config.KubeconfigPath(),
		secret:     objectKey(o.Config.OLVM.APIServer.CredentialsSecret, o.Config.Namespace),
		ca:         caKey(o.Config),
	}
	if found != nil {
		l.key, l.known = client.ObjectKeyFromObject(found), true
		if err := m.deleteCluster(ctx, found, &l, report); err != nil {
			return true, err
		}
	}
	removed, err := m.removeLeftovers(ctx, l, report)
	begun = found != nil || removed
	switch {
	case err != nil:
		return begun, unfinished(ctx, err, begun, nil)
	case found != nil:
		report.Step(fmt.Sprintf("Cluster %s is deleted", l.key.Name))
	case removed:
		report.Step(fmt.Sprintf("Cluster %s was gone already; removed what was left of it", l.key.Name))
	case len(others) > 0:
		return false, &AdvisedError{
			Err:    fmt.Errorf("there is no cluster %s in the management cluster %s", o.Config.Name, m.Description),
			Advice: "Its clusters are:\n  " + strings.Join(others, "\n  "),
		}
	default:
		report.Step(fmt.Sprintf("There is no cluster %s in the management cluster: nothing to delete", l.key.Name))
	}
	return begun, nil
}

// find returns the cluster, or nil and the names of those that exist.
func (m *Management) find(ctx context.Context, o DeleteOptions) (*clusterv1.Cluster, []string, error) {
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters); err != nil {
		return nil, nil, fmt.Errorf("list clusters: %w", err)
	}
	var found []*clusterv1.Cluster
	var foundNames, names []string
	for i := range clusters.Items {
		c := &clusters.Items[i]
		name := fmt.Sprintf("%s (namespace %s)", c.Name, c.Namespace)
		names = append(names, name)
		if c.Name == o.Config.Name && (o.AnyNamespace || c.Namespace == o.Config.Namespace) {
			found, foundNames = append(found, c), append(foundNames, name)
		}
	}
	switch {
	case len(found) == 0:
		return nil, names, nil
	case len(found) > 1:
		return nil, nil, &AdvisedError{
			Err:    fmt.Errorf("there are several clusters %s: %s", o.Config.Name, strings.Join(foundNames, ", ")),
			Advice: "Say which one with its configuration file: -c FILE",
		}
	case provider(found[0]) != config.ProviderOLVM:
		return nil, nil, fmt.Errorf("cluster %s belongs to another provider (%s), so ocne does not delete it",
			foundNames[0], found[0].Spec.InfrastructureRef.Kind)
	}
	return found[0], names, nil
}

// deleteCluster deletes the Cluster object, on which Cluster API deletes everything of it in order, and waits until all is gone.
func (m *Management) deleteCluster(ctx context.Context, c *clusterv1.Cluster, l *leftovers, report progress.Reporter) error {
	key := client.ObjectKeyFromObject(c)
	if c.DeletionTimestamp.IsZero() {
		report.Step(fmt.Sprintf("Deleting cluster %s in namespace %s", key.Name, key.Namespace))
	} else {
		report.Step(fmt.Sprintf("Cluster %s in namespace %s is being deleted already", key.Name, key.Namespace))
	}
	s, err := observe(ctx, m.Client, key)
	if err != nil {
		return unfinished(ctx, err, !c.DeletionTimestamp.IsZero(), nil)
	}
	if s.infrastructure != nil {
		server := s.infrastructure.Spec.OLVMOvirtAPIServer
		l.secret = objectKey(server.CredentialsSecret, key.Namespace)
		if server.CAConfigMap != nil {
			l.ca = objectKey(*server.CAConfigMap, key.Namespace)
		}
	}
	if err := m.Client.Delete(ctx, c); err != nil && !apierrors.IsNotFound(err) {
		return unfinished(ctx, fmt.Errorf("delete cluster %s: %w", key, err), true, nil)
	}
	title := "Deleting cluster " + key.Name
	var last []progress.Item
	err = m.watch(ctx, key, report, title, func(s *snapshot) (bool, error) {
		last = deletionView(s)
		report.Show(title, last)
		return s.gone(), nil
	})
	report.Close()
	return unfinished(ctx, err, true, last)
}
