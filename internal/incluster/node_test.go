package incluster_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ocne-project/ocne/internal/incluster"
)

type readCloser = io.ReadCloser

func nopCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	m := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &m))
	return m
}

// node runs take-image.sh with real bash, curl and jq against an API that has some ConfigMaps.
type node struct {
	*testing.T
	dir    string
	script string

	mu         sync.Mutex // of what the API has
	configMaps map[string]*unstructured.Unstructured
}

func newNode(t *testing.T) *node {
	t.Helper()
	for _, program := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: the script on the nodes needs it", err)
		}
	}
	n := &node{T: t, dir: t.TempDir(), configMaps: map[string]*unstructured.Unstructured{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(n.answer))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{n.certificate()}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	config, err := incluster.NodeConfig(incluster.ImageStore{List: "cat " + n.path("images"), Load: "cp --target-directory " + n.path("loaded")}, port)
	require.NoError(t, err)
	content, err := dataurl.DecodeString(*config.Storage.Files[0].Contents.Source)
	require.NoError(t, err)
	n.script = string(content.Data)
	for from, to := range map[string]string{"/etc/kubernetes/pki/ca.crt": n.path("node.pem"), "/etc/kubernetes/kubelet.conf": n.path("kubelet.conf")} {
		require.Contains(t, n.script, from)
		n.script = strings.ReplaceAll(n.script, from, to)
	}
	n.write("images", "registry.k8s.io/pause:3.10\n")
	n.write("kubelet.conf", "users:\n- user:\n    client-certificate: "+n.path("node.pem")+"\n    client-key: "+n.path("node.pem")+"\n")
	require.NoError(t, os.Mkdir(n.path("loaded"), 0o700))
	return n
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *node) write(name, text string) {
	n.Helper()
	require.NoError(n, os.WriteFile(n.path(name), []byte(text), 0o600))
}

// certificate is the cluster's CA, the API server and the kubelet in one.
func (n *node) certificate() tls.Certificate {
	n.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(n, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, DNSNames: []string{"kubernetes"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(n, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(n, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	n.write("node.pem", string(text))
	pair, err := tls.X509KeyPair(text, text)
	require.NoError(n, err)
	return pair
}

func (n *node) answer(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	object := n.configMaps[path.Base(r.URL.Path)]
	if path.Dir(r.URL.Path) != "/api/v1/namespaces/"+incluster.Namespace+"/configmaps" || object == nil {
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(object.Object)
}

func (n *node) takeImage() (said string, err error) {
	n.Helper()
	command := exec.CommandContext(n.Context(), "bash", "-c", n.script)
	out, err := command.CombinedOutput()
	return string(out), err
}

func (n *node) loaded() []os.DirEntry {
	n.Helper()
	files, err := os.ReadDir(n.path("loaded"))
	require.NoError(n, err)
	return files
}

// publish is what ocne puts into the cluster.
func (n *node) publish() *incluster.Image {
	n.Helper()
	image, err := incluster.ReadImage(layout(n.T, 2_500_000), "amd64")
	require.NoError(n, err)
	index := image.Index()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range append(image.Parts(), index[len(index)-1]) {
		n.configMaps[o.GetName()] = &unstructured.Unstructured{Object: asMap(n.T, o)}
	}
	return image
}

// spoil changes the second part.
func (n *node) spoil(how func(n *node, part string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for part := range n.configMaps {
		if strings.HasSuffix(part, "-1") {
			how(n, part)
		}
	}
}

func TestANodeTakesTheImageOnce(t *testing.T) {
	n := newNode(t)
	said, err := n.takeImage()
	require.NoError(t, err)
	require.Empty(t, said, "a cluster that does not manage itself has none")
	image := n.publish()
	said, err = n.takeImage()
	require.NoError(t, err, said)
	require.Contains(t, said, "loaded image "+image.Reference)
	require.Len(t, n.loaded(), 1)

	n.write("images", "registry.k8s.io/pause:3.10\n"+image.Reference+"\n")
	said, err = n.takeImage()
	require.NoError(t, err)
	require.Empty(t, said)
}

func TestANodeThatIsNotInTheClusterYetAsksNothing(t *testing.T) {
	n := newNode(t)
	n.publish()
	require.NoError(t, os.Remove(n.path("kubelet.conf")))
	said, err := n.takeImage()
	require.NoError(t, err)
	require.Empty(t, said)
	require.Empty(t, n.loaded())
}

func TestANodeLoadsNoImageThatIsNotComplete(t *testing.T) {
	for name, spoil := range map[string]func(n *node, part string){
		"a part is missing":     func(n *node, part string) { delete(n.configMaps, part) },
		"a part is another's":   func(n *node, part string) { n.configMaps[part].Object["binaryData"] = map[string]any{"part": "AAAA"} },
		"a part cannot be read": func(n *node, part string) { n.configMaps[part].Object["binaryData"] = map[string]any{"part": "?"} },
		"a part has no content": func(n *node, part string) { n.configMaps[part].Object["binaryData"] = map[string]any{} },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.publish()
			n.spoil(spoil)
			said, err := n.takeImage()
			require.Error(t, err)
			require.Contains(t, said, "part")
			require.Empty(t, n.loaded())
		})
	}
}
