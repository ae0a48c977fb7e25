package cluster

import (
	"context"
	"errors"
	"fmt"

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
		return unfinished(ctx, err, nothing, nil)
	}
	report.Step("Management cluster: " + m.Description)
	changed, err := m.delete(ctx, o, report)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	return unfinished(ctx, m.CloseAndStopIfIdle(ctx, report), extentOfDeletion(changed), nil)
}

// extentOfDeletion: what has begun to go goes on by itself.
func extentOfDeletion(changed bool) extent {
	if changed {
		return complete
	}
	return nothing
}

// delete says whether anything was deleted, or began to be.
func (m *Management) delete(ctx context.Context, o DeleteOptions, report progress.Reporter) (changed bool, err error) {
	found, others, err := m.find(ctx, Selection{Config: o.Config, AnyNamespace: o.AnyNamespace})
	if err == nil && found != nil && provider(found) != config.ProviderOLVM {
		err = fmt.Errorf("cluster %s belongs to another provider (%s), so ocne does not delete it",
			fullName(found), found.Spec.InfrastructureRef.Kind)
	}
	if err != nil {
		return false, unfinished(ctx, err, nothing, nil)
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
	changed = found != nil || removed
	switch {
	case err != nil:
		return changed, unfinished(ctx, err, extentOfDeletion(changed), nil)
	case found != nil:
		report.Step(fmt.Sprintf("Cluster %s is deleted", l.key.Name))
	case removed:
		report.Step(fmt.Sprintf("Cluster %s was gone already; removed what was left of it", l.key.Name))
	case len(others) > 0:
		return false, m.noSuchCluster(o.Config.Name, others)
	default:
		report.Step(fmt.Sprintf("There is no cluster %s in the management cluster: nothing to delete", l.key.Name))
	}
	return changed, nil
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
		return unfinished(ctx, err, extentOfDeletion(!c.DeletionTimestamp.IsZero()), nil)
	}
	if s.infrastructure != nil {
		server := s.infrastructure.Spec.OLVMOvirtAPIServer
		l.secret = objectKey(server.CredentialsSecret, key.Namespace)
		if server.CAConfigMap != nil {
			l.ca = objectKey(*server.CAConfigMap, key.Namespace)
		}
	}
	if err := m.Client.Delete(ctx, c); err != nil && !apierrors.IsNotFound(err) {
		return unfinished(ctx, fmt.Errorf("delete cluster %s: %w", key, err), complete, nil)
	}
	title := "Deleting cluster " + key.Name
	var last []progress.Item
	err = m.watch(ctx, key, report, title, func(s *snapshot) (bool, error) {
		last = deletionView(s)
		report.Show(title, last)
		return s.gone(), nil
	})
	report.Close()
	return unfinished(ctx, err, complete, last)
}
