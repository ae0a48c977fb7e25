package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/certs"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/test/libvirtd"
)

// libvirtHost is a real libvirtd, and somebody whose management clusters are made there. Their guests are too small for an API; this machine pretends
// to be that.
type libvirtHost struct {
	t     *testing.T
	order CreateOptions
	home  string
}

const onHost = `
name: demo
provider: olvm
kubernetesVersion: 1.34.4
bootVolumeContainerImage: %s
ephemeralCluster: {name: small, node: {cpu: 1, memory: 256Mi, storage: 1Gi}}
providers: {libvirt: {uri: "qemu:///system", domainType: qemu, imageProfile: plain}}
`

func newLibvirtHost(t *testing.T) *libvirtHost {
	t.Helper()
	if !libvirtd.Inside() {
		t.Skip(libvirtd.Missing())
	}
	answers := func() bool { return exec.Command("virsh", "--connect", "qemu:///system", "version").Run() == nil }
	require.Eventually(t, answers, time.Minute, 20*time.Millisecond)
	h := &libvirtHost{t: t, home: t.TempDir()}
	image, file := filepath.Join(h.home, "boot.qcow2"), filepath.Join(h.home, "demo.yaml")
	out, err := exec.Command("qemu-img", "create", "-f", "qcow2", image, "1M").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, onHost, image), 0o600))
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: h.home})
	require.NoError(t, err)
	h.order = CreateOptions{Config: c, Management: ManagementOptions{
		HomeDir: h.home, Programs: filepath.Join(h.home, "bin"), Getenv: func(string) string { return "" },
	}}
	t.Cleanup(h.clear)
	return h
}

// hasImages puts an image of the controllers beside the programs.
func (h *libvirtHost) hasImages() {
	h.t.Helper()
	_, err := layout.Write(h.order.Management.controllersImages(), empty.Index)
	require.NoError(h.t, err)
}

func (h *libvirtHost) virsh(args ...string) string {
	h.t.Helper()
	out, err := exec.Command("virsh", append([]string{"--quiet", "--connect", "qemu:///system"}, args...)...).CombinedOutput()
	require.NoError(h.t, err, "virsh %s: %s", args, out)
	return string(out)
}

// everything is all that there is on the host.
func (h *libvirtHost) everything() string {
	h.t.Helper()
	files, err := filepath.Glob("/var/lib/libvirt/images/*")
	require.NoError(h.t, err)
	names := h.virsh("list", "--all", "--name") + h.virsh("net-list", "--all", "--name") + h.virsh("pool-list", "--all", "--name")
	return names + strings.Join(files, "\n")
}

func (h *libvirtHost) clear() {
	for _, args := range []string{
		"destroy small-control-plane-1", "undefine --nvram small-control-plane-1", "net-destroy ocne-small", "net-undefine ocne-small",
		"pool-destroy images", "pool-undefine images",
	} {
		_ = exec.Command("virsh", append([]string{"--connect", "qemu:///system"}, strings.Fields(args)...)...).Run() // it may not be there
	}
	require.NoError(h.t, os.RemoveAll("/var/lib/libvirt/images"))
}

// define makes the stopped machine of a management cluster that was complete once, with these attributes of its mark beside those that all have.
func (h *libvirtHost) define(attributes string) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "domain.xml")
	require.NoError(h.t, os.WriteFile(file, fmt.Appendf(nil, `<domain type='qemu'><name>small-control-plane-1</name><memory>65536</memory>
<metadata><ocne:node xmlns:ocne='https://github.com/ocne-project/ocne/libvirt/1' cluster='small' role='control-plane' index='1' pool='images'
address='192.168.130.10/24' mac='52:54:00:00:00:01' server='192.168.130.10:6443' prepared='true' ready='true' %s/></metadata>
<os><type machine='q35'>hvm</type></os></domain>`, attributes), 0o600))
	h.virsh("define", file)
}

// appear serves an API at the machine's address that lists its node as Ready, takes all that is applied, and else answers as the outpost.
func (h *libvirtHost) appear(o *outpost) {
	h.t.Helper()
	const address = "192.168.130.10"
	out, err := exec.Command("ip", "address", "replace", address+"/32", "dev", "lo").CombinedOutput()
	require.NoError(h.t, err, string(out))
	h.t.Cleanup(func() { _ = exec.Command("ip", "address", "delete", address+"/32", "dev", "lo").Run() })
	listener, err := net.Listen("tcp", address+":6443")
	require.NoError(h.t, err)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerAsNode(o, w, r) }),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{h.certificate(address)}},
		ReadHeaderTimeout: time.Minute,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(listener, "", "") // it ends with Close
	}()
	h.t.Cleanup(func() {
		require.NoError(h.t, server.Close())
		<-done
	})
}

func answerAsNode(o *outpost, w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPatch:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body) // the client may have gone
	case r.URL.Path == "/api/v1/nodes":
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "small-control-plane-1"}}
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(corev1.NodeList{TypeMeta: metav1.TypeMeta{Kind: "NodeList", APIVersion: "v1"}, Items: []corev1.Node{n}})
	default:
		o.serve(w, r)
	}
}

// certificate is signed by the authority in the machine's boot document.
func (h *libvirtHost) certificate(address string) tls.Certificate {
	h.t.Helper()
	document, err := os.ReadFile("/var/lib/libvirt/images/small-control-plane-1-init.ign")
	require.NoError(h.t, err)
	var boot types.Config
	require.NoError(h.t, json.Unmarshal(document, &boot))
	files := map[string][]byte{}
	for _, f := range boot.Storage.Files {
		if f.Contents.Source == nil {
			continue
		}
		if url, err := dataurl.DecodeString(*f.Contents.Source); err == nil {
			files[f.Path] = url.Data
		}
	}
	authority, err := certs.DecodeCertPEM(files["/etc/kubernetes/pki/ca.crt"])
	require.NoError(h.t, err)
	authorityKey, err := certs.DecodePrivateKeyPEM(files["/etc/kubernetes/pki/ca.key"])
	require.NoError(h.t, err)
	key, err := certs.NewSigner("")
	require.NoError(h.t, err)
	signed, err := (&certs.Config{
		CommonName: "kube-apiserver", AltNames: certs.AltNames{IPs: []net.IP{net.ParseIP(address)}},
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}).NewSignedCert(key, authority, authorityKey)
	require.NoError(h.t, err)
	return tls.Certificate{Certificate: [][]byte{signed.Raw}, PrivateKey: key}
}

// listening calls the function with all that is told, but for what is shown.
type listening func(text string)

func (l listening) Step(text string)           { l(text) }
func (l listening) Warn(text string)           { l("Warning: " + text) }
func (listening) Show(string, []progress.Item) {}
func (listening) Close()                       {}
