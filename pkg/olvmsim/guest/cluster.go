package guest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilsets "k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/retry"
	inmemoryruntime "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// cluster is one workload cluster: its data, its certificate authorities and, while a control plane VM runs, the
// listener at its endpoint.
type cluster struct {
	endpoint   string // host:port
	group      string // name of its store; never used twice
	platform   *platform
	store      inmemoryruntime.Client
	ca, etcdCA authority
	handler    *clusterHandler

	// Guarded by Instant.mu.
	listener *listener            // nil while the endpoint does not answer
	disks    utilsets.Set[string] // ids of the VMs whose disks hold the cluster's data

	mu      sync.RWMutex // guards what a TLS handshake reads
	serving *tls.Certificate
	names   []string                    // in the serving certificate
	members map[string]*tls.Certificate // running etcd members by pod name, which is also the TLS server name
}

func newCluster(p *platform, config *clusterConfiguration, ca, etcdCA authority) *cluster {
	endpoint := config.endpoint()
	host, _, _ := net.SplitHostPort(endpoint)
	c := &cluster{
		endpoint: endpoint, platform: p, ca: ca, etcdCA: etcdCA, disks: utilsets.New[string](), members: map[string]*tls.Certificate{},
		names: append([]string{host, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}, config.APIServer.CertSANs...),
	}
	c.group, c.store = p.newStore(endpoint)
	c.handler = newClusterHandler(c)
	return c
}

// forget drops the data that a VM's disk held; with the last copy the cluster is gone.
func (c *cluster) forget(vmID string) {
	if c.disks.Delete(vmID); c.disks.Len() == 0 {
		c.drop()
	}
}

func (c *cluster) drop() {
	c.handler.deletions.close(context.Background()) // no I/O
	c.platform.dropStore(c.group)
}

// configuration reads ClusterConfiguration from the ConfigMap kubeadm-config, which Cluster API edits at an upgrade.
func (c *cluster) configuration(ctx context.Context) (*clusterConfiguration, error) {
	cm := &corev1.ConfigMap{}
	if err := c.store.Get(ctx, client.ObjectKey{Namespace: kubeSystem, Name: "kubeadm-config"}, cm); err != nil {
		return nil, fmt.Errorf("read kubeadm-config: %w", err)
	}
	config := &clusterConfiguration{}
	if yaml.Unmarshal([]byte(cm.Data["ClusterConfiguration"]), config) != nil {
		return nil, errors.New("ClusterConfiguration in ConfigMap kubeadm-config is not valid")
	}
	return config, nil
}

// register creates the node's objects, replacing those that an older machine of the same name left behind.
func (c *cluster) register(ctx context.Context, k kubelet, config *clusterConfiguration) error {
	node := k.node()
	if err := c.assignPodCIDRs(ctx, node, config); err != nil {
		return fmt.Errorf("assign pod subnets to node %s: %w", k.name, err)
	}
	objects := []client.Object{node}
	if k.controlPlane {
		for _, p := range k.staticPods(config) {
			if p.Labels["component"] == "etcd" {
				if err := c.addEtcdMember(ctx, p); err != nil {
					return fmt.Errorf("add etcd member %s: %w", k.name, err)
				}
			}
			objects = append(objects, p)
		}
	}
	for _, o := range objects {
		err := c.store.Create(ctx, o)
		if apierrors.IsAlreadyExists(err) {
			if err = c.store.Delete(ctx, o); err == nil {
				err = c.store.Create(ctx, o)
			}
		}
		if err != nil {
			return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
		}
	}
	return nil
}

// serve starts the control plane of one machine: an etcd member, and the listener unless another machine has it.
//
// All API servers share one certificate, which is renewed here: after a rollout Cluster API sees a new expiry date.
func (c *cluster) serve(ctx context.Context, k kubelet) error {
	member := "etcd-" + k.name
	etcd, err := c.etcdCA.issue(member, []string{member, k.name, "localhost", "127.0.0.1"}, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return err
	}
	c.mu.Lock()
	for _, n := range append([]string{k.name}, k.addresses...) {
		if !slices.Contains(c.names, n) {
			c.names = append(c.names, n)
		}
	}
	names := slices.Clone(c.names)
	c.mu.Unlock()
	// Cluster API reads the expiry of the certificate with this common name.
	serving, err := c.ca.issue("kube-apiserver", names, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.members[member], c.serving = etcd, serving
	c.mu.Unlock()
	if c.listener != nil {
		return nil
	}
	if c.listener, err = listen(ctx, c.endpoint, c.tlsConfig(), c.handler); err != nil {
		c.mu.Lock()
		delete(c.members, member)
		c.mu.Unlock()
	}
	return err
}

// powerOff is what the cluster sees when a machine's power goes. Errors mean that the objects are gone already.
func (c *cluster) powerOff(k kubelet) {
	ctx := context.Background() // the store is in memory; the machine's own context has ended
	_ = c.modifyNode(ctx, k.name, func(n *corev1.Node) { setNodeConditions(n, false) })
	if !k.controlPlane {
		return
	}
	c.mu.Lock()
	delete(c.members, "etcd-"+k.name)
	last := len(c.members) == 0
	c.mu.Unlock()
	for _, component := range staticComponents() {
		_ = c.modifyPod(ctx, component+"-"+k.name, func(p *corev1.Pod) { setPodReady(p, false) })
	}
	_ = c.electLeader(ctx)
	if last && c.listener != nil {
		c.listener.close()
		c.listener = nil
	}
}

// runs tells whether the etcd member of a pod runs.
func (c *cluster) runs(pod string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.members[pod] != nil
}

// tlsConfig chooses by the server name that the client asks for. Port-forwarding leads back to this same listener,
// and Cluster API asks there for the name of an etcd pod.
func (c *cluster) tlsConfig() *tls.Config {
	choose := func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		out := &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
		if strings.HasPrefix(hello.ServerName, "etcd-") {
			member := c.members[hello.ServerName]
			if member == nil {
				return nil, fmt.Errorf("no etcd member runs as %s", hello.ServerName)
			}
			out.Certificates, out.NextProtos = []tls.Certificate{*member}, []string{"h2"}
			out.ClientAuth, out.ClientCAs = tls.RequireAndVerifyClientCert, c.etcdCA.pool
			return out, nil
		}
		// Anonymous clients may connect: for the health endpoints, and because Cluster API looks at the serving
		// certificate without presenting one of its own.
		out.Certificates, out.NextProtos = []tls.Certificate{*c.serving}, []string{"h2", "http/1.1"}
		out.ClientAuth, out.ClientCAs = tls.VerifyClientCertIfGiven, c.ca.pool
		return out, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetConfigForClient: choose}
}

func (c *cluster) modifyNode(ctx context.Context, name string, change func(*corev1.Node)) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		n := &corev1.Node{}
		if err := c.store.Get(ctx, client.ObjectKey{Name: name}, n); err != nil {
			return err
		}
		change(n)
		return c.store.Update(ctx, n)
	})
}

func (c *cluster) modifyPod(ctx context.Context, name string, change func(*corev1.Pod)) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		p := &corev1.Pod{}
		if err := c.store.Get(ctx, client.ObjectKey{Namespace: kubeSystem, Name: name}, p); err != nil {
			return err
		}
		change(p)
		return c.store.Update(ctx, p)
	})
}
