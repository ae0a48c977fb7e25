package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// leftovers are what ocne made beside a cluster's own objects.
type leftovers struct {
	key        client.ObjectKey // of the cluster
	known      bool             // the management cluster had the cluster
	kubeconfig string
	access     access           // to the cluster
	secret, ca client.ObjectKey // ca has no name when there is none
}

func objectKey(r infrav1.ObjectReference, namespace string) client.ObjectKey {
	return client.ObjectKey{Namespace: cmp.Or(r.Namespace, namespace), Name: r.Name}
}

// caKey falls back to the conventional name, for a command that was not given the configuration file.
func caKey(c *config.Config) client.ObjectKey {
	r := c.OLVM.APIServer.CAConfigMap
	r.Name = cmp.Or(r.Name, c.Name+"-ovirt-ca")
	return objectKey(r, c.Namespace)
}

// removeLeftovers removes what ocne made and nobody needs any more.
func (m *Management) removeLeftovers(ctx context.Context, l leftovers, report progress.Reporter) (removed bool, err error) {
	used, err := m.inUse(ctx)
	if err != nil {
		return false, err
	}
	remove := func(obj client.Object, key client.ObjectKey, what string, used, wait bool) error {
		if used || key.Name == "" {
			return nil
		}
		done, err := m.removeOurs(ctx, obj, key, wait)
		removed = removed || done
		if err != nil {
			return fmt.Errorf("remove %s %s: %w", what, key, err)
		}
		return nil
	}
	if err := remove(&corev1.Secret{}, l.secret, "Secret", used.secrets[l.secret], true); err != nil {
		return removed, err
	}
	if err := remove(&corev1.ConfigMap{}, l.ca, "ConfigMap", used.cas[l.ca], true); err != nil {
		return removed, err
	}
	if l.known || removed {
		gone, err := l.removeKubeconfig(report)
		removed = removed || gone
		if err != nil {
			return removed, err
		}
	} else if err := keepKubeconfig(l.kubeconfig, report); err != nil {
		return removed, err
	}
	// A namespace takes a while; one that vanishes with its management cluster in a moment is not worth waiting for.
	lasting := m.embedded == nil || len(used.namespaces) > 0
	for _, name := range l.namespaces() {
		if name == "" || used.namespaces[name] {
			continue
		}
		gone, err := m.removeNamespace(ctx, name, lasting, report)
		removed = removed || gone
		if err != nil {
			return removed, fmt.Errorf("remove namespace %s: %w", name, err)
		}
	}
	return removed, nil
}

// namespaces are those that a start makes when they are missing.
func (l leftovers) namespaces() []string {
	all := []string{l.key.Namespace, l.secret.Namespace, l.ca.Namespace}
	slices.Sort(all)
	return slices.Compact(all)
}

// removeKubeconfig leaves that of another cluster of this name.
func (l leftovers) removeKubeconfig(report progress.Reporter) (removed bool, err error) {
	there, err := accessIn(l.kubeconfig)
	if err != nil {
		return false, err
	}
	if there.differs(l.access) {
		report.Warn(fmt.Sprintf("%s stays: it is for another cluster, whose API is at %s; that of cluster %s was at %s. If nobody needs the file, remove it",
			l.kubeconfig, there.server, l.key.Name, l.access.server))
		return false, nil
	}
	err = os.Remove(l.kubeconfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("remove the cluster's kubeconfig: %w", err)
	}
	report.Step("Removed the kubeconfig " + l.kubeconfig)
	return true, nil
}

// keepKubeconfig warns about the kubeconfig of a cluster that may live on: it may be the only way into it.
func keepKubeconfig(path string, report progress.Reporter) error {
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for the cluster's kubeconfig: %w", err)
	}
	report.Warn(path + " stays: this management cluster does not know the cluster. " +
		"If another one manages it, delete it with --kubeconfig; if it is gone, remove the file.")
	return nil
}

// uses are what the remaining clusters need.
type uses struct {
	secrets, cas map[client.ObjectKey]bool
	namespaces   map[string]bool
}

func (m *Management) inUse(ctx context.Context) (uses, error) {
	u := uses{secrets: map[client.ObjectKey]bool{}, cas: map[client.ObjectKey]bool{}, namespaces: map[string]bool{}}
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters); err != nil {
		return u, fmt.Errorf("list clusters: %w", err)
	}
	for i := range clusters.Items {
		u.namespaces[clusters.Items[i].Namespace] = true
	}
	var infrastructures infrav1.OLVMClusterList
	if err := m.Client.List(ctx, &infrastructures); err != nil {
		return u, fmt.Errorf("list OLVMClusters: %w", err)
	}
	for i := range infrastructures.Items {
		c := &infrastructures.Items[i]
		server := c.Spec.OLVMOvirtAPIServer
		secret := objectKey(server.CredentialsSecret, c.Namespace)
		u.namespaces[c.Namespace], u.namespaces[secret.Namespace] = true, true
		u.secrets[secret] = true
		if server.CAConfigMap != nil {
			ca := objectKey(*server.CAConfigMap, c.Namespace)
			u.cas[ca], u.namespaces[ca.Namespace] = true, true
		}
	}
	return u, nil
}

// removeOurs deletes an object that carries ocne's label and, with wait, returns when it is gone.
func (m *Management) removeOurs(ctx context.Context, obj client.Object, key client.ObjectKey, wait bool) (removed bool, err error) {
	for {
		err := m.Client.Get(ctx, key, obj)
		if apierrors.IsNotFound(err) {
			return removed, nil
		}
		if err != nil {
			return removed, err
		}
		if !isOurs(obj) {
			return removed, nil
		}
		if !removed {
			if err := m.Client.Delete(ctx, obj); err != nil && !apierrors.IsNotFound(err) {
				return false, err
			}
			removed = true
			continue
		}
		if !wait {
			return removed, nil
		}
		if err := pause(ctx); err != nil {
			return removed, err
		}
	}
}
