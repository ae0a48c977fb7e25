package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// workload is the cluster itself, reached through its kubeconfig.
type workload struct {
	kubeconfigPath string // where the kubeconfig is written; empty when it is not
	kubeconfig     []byte
	client         client.Client // nil while there is no kubeconfig
	addons         []addon.Addon // that are still to be applied
}

// readKubeconfig returns what Cluster API keeps in the Secret NAME-kubeconfig, key value; nothing while there is none.
func readKubeconfig(ctx context.Context, c client.Client, key client.ObjectKey) ([]byte, error) {
	secret := &corev1.Secret{}
	err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name + "-kubeconfig"}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of cluster %s: %w", key, err)
	}
	return secret.Data["value"], nil
}

// connect writes a kubeconfig that is new and uses it from now on.
func (w *workload) connect(kubeconfig []byte) (written bool, err error) {
	if len(kubeconfig) == 0 || bytes.Equal(kubeconfig, w.kubeconfig) {
		return false, nil
	}
	c, err := access(kubeconfig)
	if err != nil {
		return false, err
	}
	if w.kubeconfigPath != "" {
		if err := writePrivate(w.kubeconfigPath, kubeconfig); err != nil {
			return false, fmt.Errorf("write the cluster's kubeconfig: %w", err)
		}
	}
	w.kubeconfig, w.client = kubeconfig, c
	return w.kubeconfigPath != "", nil
}

// access is that to the cluster that a kubeconfig is for. It asks nothing yet.
func access(kubeconfig []byte) (client.Client, error) {
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return accessBy(restConfig, nodesTimeout)
}

func accessBy(restConfig *rest.Config, timeout time.Duration) (client.Client, error) {
	restConfig.UserAgent = "ocne"
	restConfig.Timeout = timeout
	c, err := client.New(restConfig, client.Options{Scheme: scheme.Scheme, Mapper: workloadMapper()})
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return c, nil
}

// workloadMapper knows nodes and the kinds that add-ons consist of, for the reason of restMapper.
func workloadMapper() meta.RESTMapper {
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

// readNodes adds the nodes to a snapshot. That they cannot be read is a state of the cluster, not an error.
func (w *workload) readNodes(ctx context.Context, s *snapshot) {
	if w.client == nil {
		return
	}
	nodes := &corev1.NodeList{}
	if err := w.client.List(ctx, nodes); err != nil {
		s.nodesErr = err
		return
	}
	s.nodes, s.nodesErr = nodes.Items, nil
}

// writePrivate replaces a file as a whole, with mode 0600.
func writePrivate(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
