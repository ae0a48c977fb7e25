package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// initialize plays kubeadm init: a new cluster, its first control plane node and its add-ons.
func (g *Instant) initialize(ctx context.Context, m *machine, vm olvmsim.GuestVM, con console) error {
	config := m.system.kubeadm
	endpoint, err := checkInit(config)
	if err != nil {
		return err
	}
	k, err := newKubelet(m.system, config.init.NodeRegistration, true, vm, con)
	if err != nil {
		return err
	}
	if k.version == "" {
		k.version = config.cluster.KubernetesVersion
	}
	con.printf("kubeadm", "init: control plane of Kubernetes %s at %s", config.cluster.KubernetesVersion, endpoint)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.endpoints[endpoint] != nil {
		return fmt.Errorf("the control plane endpoint %s answers already: another machine has initialized a cluster there", endpoint)
	}
	c := newCluster(g.platform, config.cluster, *config.ca, *config.etcdCA)
	if err = c.register(ctx, k, config.cluster); err == nil {
		err = c.createAddons(ctx, config)
	}
	if err == nil {
		if err = c.serve(ctx, k); err != nil {
			err = fmt.Errorf("control plane endpoint %s cannot be served: %w; instant guests serve it on the simulator's own machine, "+
				"which has every address of 127.0.0.0/8", endpoint, err)
		}
	}
	if err != nil {
		c.drop()
		return err
	}
	c.disks.Insert(vm.ID)
	g.endpoints[endpoint], m.node = c, &node{cluster: c, kubelet: k}
	con.printf("kubeadm", "init: the API server answers at https://%s", endpoint)
	con.printf("kubelet", "%s", k)
	return nil
}

// checkInit finds what makes kubeadm init fail before it has changed anything, and returns the endpoint.
func checkInit(config *kubeadmConfig) (string, error) {
	endpoint := config.cluster.endpoint()
	if endpoint == "" {
		return "", errors.New("ClusterConfiguration has no controlPlaneEndpoint")
	}
	host, _, _ := net.SplitHostPort(endpoint)
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return "", fmt.Errorf("control plane endpoint %s is not an IP address; instant guests resolve no names", endpoint)
	case ip.IsUnspecified():
		return "", fmt.Errorf("control plane endpoint %s is not the address of a machine", endpoint)
	case config.cluster.KubernetesVersion == "":
		return "", errors.New("ClusterConfiguration has no kubernetesVersion")
	case len(config.cluster.Etcd.External) > 0 && string(config.cluster.Etcd.External) != "null":
		return "", errors.New("external etcd is not simulated")
	}
	return endpoint, config.requireAuthorities()
}

// requireAuthorities: Cluster API makes the CAs and puts them on every control plane machine.
func (k *kubeadmConfig) requireAuthorities() error {
	switch {
	case k.ca == nil:
		return errors.New("couldn't load the certificate file /etc/kubernetes/pki/ca.crt")
	case k.etcdCA == nil:
		return errors.New("couldn't load the certificate file /etc/kubernetes/pki/etcd/ca.crt")
	}
	return nil
}

// join plays kubeadm join once. The error is a pending one where kubeadm's discovery would try again.
func (g *Instant) join(ctx context.Context, m *machine, vm olvmsim.GuestVM, con console) error {
	config := m.system.kubeadm
	token := config.join.Discovery.BootstrapToken
	if token == nil {
		return errors.New("only discovery by bootstrap token is simulated")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.endpoints[token.APIServerEndpoint]
	if c == nil {
		return pending{fmt.Errorf("dial tcp %s: connect: connection refused", token.APIServerEndpoint)}
	}
	if err := c.discover(ctx, config.join.Discovery); err != nil {
		return err
	}
	controlPlane := config.join.ControlPlane != nil
	if controlPlane {
		if err := c.matchAuthorities(config); err != nil {
			return err
		}
	}
	k, err := newKubelet(m.system, config.join.NodeRegistration, controlPlane, vm, con)
	if err != nil {
		return err
	}
	current, err := c.configuration(ctx)
	if err != nil {
		return err
	}
	if k.version == "" {
		k.version = current.KubernetesVersion
	}
	existing := &corev1.Node{}
	if err := c.store.Get(ctx, client.ObjectKey{Name: k.name}, existing); err == nil && nodeReady(existing) {
		return fmt.Errorf("a Node with name %q and status \"Ready\" already exists in the cluster", k.name)
	}
	if err := c.register(ctx, k, current); err != nil {
		return err
	}
	m.node = &node{cluster: c, kubelet: k}
	if controlPlane {
		c.disks.Insert(vm.ID)
		if err := c.serve(ctx, k); err != nil {
			return err
		}
	}
	con.printf("kubeadm", "join: this machine has joined the cluster at %s", c.endpoint)
	con.printf("kubelet", "%s", k)
	return nil
}

// discover checks what kubeadm's token discovery checks: the pinned CA, then the token, whose signature only appears
// in the ConfigMap cluster-info once the token's Secret is there.
func (c *cluster) discover(ctx context.Context, d discovery) error {
	token := d.BootstrapToken
	switch {
	case len(token.CACertHashes) == 0 && !token.UnsafeSkipCAVerification:
		return errors.New("token based discovery needs caCertHashes, or unsafeSkipCAVerification")
	case len(token.CACertHashes) > 0 && !slices.Contains(token.CACertHashes, c.ca.pin()):
		return fmt.Errorf("cluster CA found at %s is invalid: its public key is not one of caCertHashes", c.endpoint)
	}
	id, secret, _ := strings.Cut(token.Token, ".")
	s := &corev1.Secret{}
	err := c.store.Get(ctx, client.ObjectKey{Namespace: kubeSystem, Name: "bootstrap-token-" + id}, s)
	if apierrors.IsNotFound(err) {
		return pending{errors.New("cluster-info does not yet contain a signature for the bootstrap token: its Secret does not exist")}
	}
	if err != nil {
		return fmt.Errorf("read bootstrap token: %w", err)
	}
	if text := string(s.Data["expiration"]); text != "" {
		if t, err := time.Parse(time.RFC3339, text); err != nil || t.Before(time.Now()) {
			return pending{errors.New("cluster-info contains no signature for the bootstrap token: it has expired")}
		}
	}
	if string(s.Data["token-secret"]) != secret {
		return errors.New("failed to verify the signature of cluster-info: the bootstrap token is not the cluster's")
	}
	return nil
}

func (c *cluster) matchAuthorities(config *kubeadmConfig) error {
	if err := config.requireAuthorities(); err != nil {
		return err
	}
	if !config.ca.cert.Equal(c.ca.cert) || !config.etcdCA.cert.Equal(c.etcdCA.cert) {
		return fmt.Errorf("the CAs below /etc/kubernetes/pki are not those of the cluster at %s", c.endpoint)
	}
	return nil
}

// powerOn brings a machine back that was a node before its power went.
func (g *Instant) powerOn(ctx context.Context, n *node) error {
	c, k := n.cluster, n.kubelet
	if !k.controlPlane && g.endpoints[c.endpoint] != c {
		return pending{fmt.Errorf("dial tcp %s: connect: connection refused", c.endpoint)}
	}
	if k.controlPlane {
		pod := &corev1.Pod{}
		if err := c.store.Get(ctx, client.ObjectKey{Namespace: kubeSystem, Name: "etcd-" + k.name}, pod); err != nil || removedMember(pod) {
			return errors.New("etcd: the member has been permanently removed from the cluster")
		}
		if other := g.endpoints[c.endpoint]; other != nil && other != c {
			return fmt.Errorf("the control plane endpoint %s answers for another cluster", c.endpoint)
		}
		if err := c.serve(ctx, k); err != nil {
			return err
		}
		g.endpoints[c.endpoint] = c
		for _, component := range staticComponents() {
			// A static pod that somebody deleted is not mirrored again: nothing reads it but its conditions.
			_ = c.modifyPod(ctx, component+"-"+k.name, func(p *corev1.Pod) { setPodReady(p, true) })
		}
		if err := c.electLeader(ctx); err != nil {
			return err
		}
	}
	err := c.modifyNode(ctx, k.name, func(n *corev1.Node) { setNodeConditions(n, true) })
	if apierrors.IsNotFound(err) { // a kubelet registers itself when it starts
		err = c.registerAgain(ctx, k)
	}
	if err != nil {
		return fmt.Errorf("report status of node %s: %w", k.name, err)
	}
	return nil
}

// registerAgain makes the Node of a running kubelet that somebody deleted.
func (c *cluster) registerAgain(ctx context.Context, k kubelet) error {
	config, err := c.configuration(ctx)
	if err != nil {
		return err
	}
	node := k.node()
	if err := c.assignPodCIDRs(ctx, node, config); err != nil {
		return err
	}
	return c.store.Create(ctx, node)
}

// nodeName is kubeadm's: the registration's, or else the host name.
func nodeName(sys *system, reg nodeRegistration) (string, error) {
	name := sys.hostName
	if literal(reg.Name) {
		name = strings.ToLower(reg.Name)
	}
	if name == "" {
		return "", errors.New("the machine has no host name: the document has neither /etc/hostname nor nodeRegistration.name")
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return "", fmt.Errorf("node name %q is not valid: %s", name, problems[0])
	}
	return name, nil
}

// String is the kubelet's line on the console.
func (k kubelet) String() string {
	role, id := "worker", "none"
	if k.controlPlane {
		role = "control plane"
	}
	if k.providerID != "" {
		id = k.providerID
	}
	return fmt.Sprintf("registered %s node %s, version %s, addresses %s, provider id %s", role, k.name, k.version, strings.Join(k.addresses, ","), id)
}
