package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"

	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// Kubeconfig returns a cluster's kubeconfig, which holds the key of an administrator: where it is written, it is for its owner only
// (WriteKubeconfig).
func Kubeconfig(ctx context.Context, o Selection, report progress.Reporter) ([]byte, error) {
	m, found, err := o.open(ctx, report)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := m.kubeconfig(ctx, found)
	return kubeconfig, errors.Join(err, m.Close())
}

func (m *Management) kubeconfig(ctx context.Context, found *clusterv1.Cluster) ([]byte, error) {
	kubeconfig, err := readKubeconfig(ctx, m.Client, client.ObjectKeyFromObject(found))
	if err != nil || len(kubeconfig) > 0 {
		return kubeconfig, err
	}
	return nil, &AdvisedError{
		Err:    fmt.Errorf("cluster %s has no kubeconfig yet: there is no Secret %s-kubeconfig", fullName(found), found.Name),
		Advice: "See how far it is:\n  ocne cluster show -C " + found.Name,
	}
}

// access is what tells the kubeconfigs of two clusters apart. What is not known is empty.
type access struct {
	server string
	ca     []byte
}

// accessBy is empty for what is no kubeconfig.
func accessBy(kubeconfig []byte) access {
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return access{}
	}
	return access{server: withoutUser(restConfig.Host), ca: restConfig.CAData}
}

// accessIn is empty when there is no such file.
func accessIn(path string) (access, error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return access{}, fmt.Errorf("read the kubeconfig that is there: %w", err)
	}
	return accessBy(content), nil
}

// configuredAccess is that to the cluster that is configured; empty for a configuration that does not say where its API is.
func configuredAccess(c *config.Config) access {
	return accessAt(c.VirtualIP, c.APIServerPort)
}

func accessAt(host string, port int) access {
	if host == "" || port == 0 {
		return access{}
	}
	return access{server: "https://" + net.JoinHostPort(host, strconv.Itoa(port))}
}

// ownAccess is that to a cluster, as far as it has come: an account may not read its kubeconfig.
func (m *Management) ownAccess(ctx context.Context, c *clusterv1.Cluster, infrastructure *infrav1.OLVMCluster) access {
	kubeconfig, err := readKubeconfig(ctx, m.Client, client.ObjectKeyFromObject(c))
	if err == nil && len(kubeconfig) > 0 {
		return accessBy(kubeconfig)
	}
	endpoint := c.Spec.ControlPlaneEndpoint
	if infrastructure != nil {
		endpoint = infrastructure.Spec.ControlPlaneEndpoint
	}
	return accessAt(endpoint.Host, int(endpoint.Port))
}

// differs says that two are known to lead to different clusters. A cluster that was made again at the same address has another CA, and a kubeconfig
// that leads through a tunnel has another server.
func (a access) differs(b access) bool {
	sameCA := len(a.ca) > 0 && bytes.Equal(a.ca, b.ca)
	return a.server != "" && b.server != "" && a.server != b.server && !sameCA
}

// refuseTakenKubeconfig refuses to write the cluster's kubeconfig over that of another cluster of this name, which is in another namespace or
// management cluster. own is the cluster's own kubeconfig; nil while none is known.
func (o CreateOptions) refuseTakenKubeconfig(own []byte) error {
	path, configured := o.Config.KubeconfigPath(), configuredAccess(o.Config)
	there, err := accessIn(path)
	if err != nil || !there.differs(configured) || len(own) > 0 && !there.differs(accessBy(own)) {
		return err
	}
	return &AdvisedError{
		Err: fmt.Errorf("cluster %s: %s, where its kubeconfig would be written, is for another cluster: that one's API is at %s, and this one's at %s",
			o.Config.Name, path, there.server, configured.server),
		Advice: fmt.Sprintf("Nothing was changed. If that cluster is there, the file may be the only way into it: choose another name for the new one, or\n"+
			"move the file away. If it manages itself, name its kubeconfig once where it is then: --kubeconfig FILE\n  mv %[1]s %[1]s.other", path),
	}
}
