package guest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/keyutil"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const (
	testToken   = "abcdef.0123456789abcdef"
	testVersion = "v1.35.0"
)

// site is a place for one workload cluster: an endpoint of its own, and the CAs that Cluster API would have made.
type site struct {
	endpoint string
	ca, etcd testCA
}

func newSite(t *testing.T) *site {
	host := fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(253), mathrand.IntN(255), 1+mathrand.IntN(253))
	return &site{endpoint: net.JoinHostPort(host, "6443"), ca: newTestCA(t, "kubernetes"), etcd: newTestCA(t, "etcd-ca")}
}

type testCA struct {
	authority
	certPEM, keyPEM []byte
}

func newTestCA(t *testing.T, name string) testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	require.NoError(t, err)
	a := authority{cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return testCA{authority: a, certPEM: pemCertificate(der), keyPEM: keyPEM}
}

// clientPEM returns a client certificate and its key.
func (ca testCA) clientPEM(t *testing.T) (cert, key []byte) {
	t.Helper()
	pair, err := ca.issue("kubernetes-admin", nil, x509.ExtKeyUsageClientAuth)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	return pemCertificate(pair.Certificate[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// restConfig is an administrator's kubeconfig.
func (s *site) restConfig(t *testing.T) *rest.Config {
	cert, key := s.ca.clientPEM(t)
	return &rest.Config{
		Host: "https://" + s.endpoint, QPS: 2000, Burst: 2000,
		TLSClientConfig: rest.TLSClientConfig{CAData: s.ca.certPEM, CertData: cert, KeyData: key},
	}
}

func (s *site) client(t *testing.T) kubernetes.Interface {
	cs, err := kubernetes.NewForConfig(s.restConfig(t))
	require.NoError(t, err)
	return cs
}

// bootDoc is a boot document in the making: paths and their contents.
type bootDoc struct {
	files map[string]string
	modes map[string]int
	units []types.Unit
	gzip  bool
}

// machineDoc is what every document has: host name, network, kubeadm.yml.
func machineDoc(name, ip, kubeadm string) *bootDoc {
	const keyfile = "/etc/NetworkManager/system-connections/ens3.nmconnection"
	return &bootDoc{
		files: map[string]string{
			"/etc/hostname":    name + "\n",
			"/etc/kubeadm.yml": kubeadm,
			keyfile: "[connection]\nid=ens3\ntype=ethernet\n\n[ipv4]\nmethod=manual\naddress1=" + ip +
				"/24,10.0.0.1\ndns=10.0.0.2;\n\n[ipv6]\nmethod=disabled\n",
		},
		modes: map[string]int{keyfile: 0o600},
	}
}

func (d *bootDoc) with(path, text string) *bootDoc {
	d.files[path] = text
	return d
}

func (d *bootDoc) without(path string) *bootDoc {
	delete(d.files, path)
	return d
}

func (d *bootDoc) json(t *testing.T) []byte {
	t.Helper()
	config := types.Config{Ignition: types.Ignition{Version: "3.4.0"}, Systemd: types.Systemd{Units: d.units}}
	for path, text := range d.files {
		data, compression := []byte(text), ""
		if d.gzip {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(data)
			require.NoError(t, z.Close())
			data, compression = b.Bytes(), "gzip"
		}
		source := dataurl.EncodeBytes(data)
		f := types.File{Node: types.Node{Path: path}}
		f.Contents = types.Resource{Source: &source, Compression: &compression}
		if mode, ok := d.modes[path]; ok {
			f.Mode = &mode
		}
		config.Storage.Files = append(config.Storage.Files, f)
	}
	b, err := json.Marshal(config)
	require.NoError(t, err)
	return b
}

func (s *site) withCAs(d *bootDoc) *bootDoc {
	return d.with("/etc/kubernetes/pki/ca.crt", string(s.ca.certPEM)).with("/etc/kubernetes/pki/ca.key", string(s.ca.keyPEM)).
		with("/etc/kubernetes/pki/etcd/ca.crt", string(s.etcd.certPEM)).with("/etc/kubernetes/pki/etcd/ca.key", string(s.etcd.keyPEM))
}

func (s *site) clusterConfiguration() string {
	return "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: demo\ncontrolPlaneEndpoint: " + s.endpoint +
		"\nkubernetesVersion: " + testVersion + "\n"
}

func registration(name string) string {
	return "nodeRegistration:\n  kubeletExtraArgs:\n  - name: provider-id\n    value: olvm://" + name + "\n  taints: null\n"
}

func (s *site) initDoc(name, ip string) *bootDoc {
	return s.withCAs(machineDoc(name, ip, "---\n"+s.clusterConfiguration()+
		"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"+registration(name)))
}

func (s *site) joinConfiguration(pin string) string {
	return "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    apiServerEndpoint: " + s.endpoint +
		"\n    token: " + testToken + "\n    caCertHashes:\n    - " + pin + "\n"
}

func (s *site) workerDoc(name, ip string) *bootDoc {
	return machineDoc(name, ip, s.joinConfiguration(s.ca.pin())+registration(name))
}

func (s *site) controlPlaneDoc(name, ip string) *bootDoc {
	return s.withCAs(machineDoc(name, ip, s.joinConfiguration(s.ca.pin())+registration(name)+"controlPlane:\n  localAPIEndpoint:\n    bindPort: 6444\n"))
}

// createToken does what the bootstrap provider does once the first control plane answers.
func (s *site) createToken(t *testing.T) {
	t.Helper()
	id, secret, _ := strings.Cut(testToken, ".")
	_, err := s.client(t).CoreV1().Secrets(kubeSystem).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id}, Type: corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{"token-id": id, "token-secret": secret, "expiration": time.Now().Add(time.Hour).Format(time.RFC3339)},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// serialConsole is a VM's console log.
type serialConsole struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *serialConsole) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *serialConsole) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// shows waits until a text is on the console.
func (c *serialConsole) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(c.String(), text) }, func() string {
		return fmt.Sprintf("the console does not show %q:\n%s", text, c)
	})
}

// eventually waits generously: it is there to end, not to measure.
func eventually(t *testing.T, ok func() bool, complaint func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(complaint())
		}
	}
}

func newGuests(t *testing.T) *Instant {
	t.Helper()
	g, err := NewInstant(context.Background())
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}

// powerOn starts a VM whose id is its name.
func powerOn(t *testing.T, g *Instant, id string, userData []byte) *serialConsole {
	t.Helper()
	con := &serialConsole{}
	require.NoError(t, g.Start(context.Background(), olvmsim.GuestVM{ID: id, Name: "vm-" + id, UserData: userData, Console: con}))
	return con
}

// newClusterAt boots the first control plane machine of a site and waits for it.
func newClusterAt(t *testing.T, g *Instant, s *site, id string) *serialConsole {
	t.Helper()
	con := powerOn(t, g, id, s.initDoc(id, "10.0.0.10").json(t))
	con.shows(t, "kubelet: registered control plane node "+id)
	return con
}

func getNode(t *testing.T, s *site, name string) *corev1.Node {
	t.Helper()
	n, err := s.client(t).CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return n
}

func olvmsimVM(userData []byte) olvmsim.GuestVM {
	return olvmsim.GuestVM{ID: "id", Name: "vm", UserData: userData}
}
