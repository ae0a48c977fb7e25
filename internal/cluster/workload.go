package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
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
	nodes          corev1client.NodeInterface
	objects        client.Client
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
	nodes, err := nodesOf(kubeconfig)
	if err != nil {
		return false, err
	}
	objects, err := objectsOf(kubeconfig)
	if err != nil {
		return false, err
	}
	if w.kubeconfigPath != "" {
		if err := writePrivate(w.kubeconfigPath, kubeconfig); err != nil {
			return false, fmt.Errorf("write the cluster's kubeconfig: %w", err)
		}
	}
	w.kubeconfig, w.nodes, w.objects = kubeconfig, nodes, objects
	return w.kubeconfigPath != "", nil
}

// access is that to the cluster that a kubeconfig is for.
func access(kubeconfig []byte) (*rest.Config, error) {
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	restConfig.UserAgent = "ocne"
	restConfig.Timeout = nodesTimeout
	return restConfig, nil
}

// objectsOf is the access to all objects of the cluster that a kubeconfig is for. It asks nothing yet.
func objectsOf(kubeconfig []byte) (client.Client, error) {
	restConfig, err := access(kubeconfig)
	if err != nil {
		return nil, err
	}
	c, err := client.New(restConfig, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return c, nil
}

// nodesOf is the access to the nodes of the cluster that a kubeconfig is for.
func nodesOf(kubeconfig []byte) (corev1client.NodeInterface, error) {
	restConfig, err := access(kubeconfig)
	if err != nil {
		return nil, err
	}
	api, err := corev1client.NewForConfig(restConfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	return api.Nodes(), nil
}

// readNodes adds the nodes to a snapshot. That they cannot be read is a state of the cluster, not an error.
func (w *workload) readNodes(ctx context.Context, s *snapshot) {
	if w.nodes == nil {
		return
	}
	nodes, err := w.nodes.List(ctx, metav1.ListOptions{})
	if err != nil {
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
