// Package workload is a cluster as its own API shows it, reached through its kubeconfig: its nodes, and the add-ons that they need to become
// Ready.
package workload

import (
	"bytes"
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/addon"
)

// nodesTimeout bounds one reading of the nodes; the virtual IP may swallow packets while the first node comes up.
const nodesTimeout = 5 * time.Second

// Cluster is reached as soon as there is a kubeconfig.
type Cluster struct {
	path       string // where the kubeconfig is written; empty when it is not
	kubeconfig []byte
	client     client.Client // nil while there is no kubeconfig
	addons     []addon.Addon // that are still to be applied
}

// New is a cluster that has no kubeconfig yet. It will be written to path, unless that is empty; add-ons are applied by ApplyAddons.
func New(path string, addons []addon.Addon) *Cluster { return &Cluster{path: path, addons: addons} }

// Of is a cluster that a client reaches.
func Of(c client.Client) *Cluster { return &Cluster{client: c} }

// Path of the kubeconfig; empty when it is not written.
func (w *Cluster) Path() string { return w.path }

// Connect writes a kubeconfig that is new and uses it from now on.
func (w *Cluster) Connect(kubeconfig []byte) (written bool, err error) {
	if len(kubeconfig) == 0 || bytes.Equal(kubeconfig, w.kubeconfig) {
		return false, nil
	}
	c, err := Access(kubeconfig)
	if err != nil {
		return false, err
	}
	if w.path != "" {
		if err := WriteKubeconfig(w.path, kubeconfig); err != nil {
			return false, err
		}
	}
	w.kubeconfig, w.client = kubeconfig, c
	return w.path != "", nil
}

// Connected says that there is a kubeconfig.
func (w *Cluster) Connected() bool { return w.client != nil }

// Nodes of a cluster that is connected.
func (w *Cluster) Nodes(ctx context.Context) ([]corev1.Node, error) {
	nodes := &corev1.NodeList{}
	err := w.client.List(ctx, nodes)
	return nodes.Items, err
}

// Access is that to the cluster that a kubeconfig is for. It asks nothing yet.
func Access(kubeconfig []byte) (client.Client, error) {
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return AccessBy(restConfig, nodesTimeout)
}

// AccessBy is Access with a time that one call may take.
func AccessBy(restConfig *rest.Config, timeout time.Duration) (client.Client, error) {
	restConfig.UserAgent = "ocne"
	restConfig.Timeout = timeout
	c, err := client.New(restConfig, client.Options{Scheme: scheme.Scheme, Mapper: mapper()})
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return c, nil
}

// mapper knows nodes and the kinds that add-ons consist of, so that no client has to ask an API server for them that comes and goes.
func mapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("Node"), corev1.SchemeGroupVersion.WithKind("Namespace"),
		rbacv1.SchemeGroupVersion.WithKind("ClusterRole"), rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"),
	} {
		mapper.Add(kind, meta.RESTScopeRoot)
	}
	for _, kind := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("ServiceAccount"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion.WithKind("Pod"),
		rbacv1.SchemeGroupVersion.WithKind("Role"), rbacv1.SchemeGroupVersion.WithKind("RoleBinding"),
		appsv1.SchemeGroupVersion.WithKind("DaemonSet"), appsv1.SchemeGroupVersion.WithKind("Deployment"),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}
