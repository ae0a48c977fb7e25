package loadbalancer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A stand-in for kube-apiserver: it answers what the load balancer asks for, with the certificates that kubeadm would make. What it says is
// in files of its folder: "endpoints" holds the addresses of the API servers, "livez" and "status" the codes of its answers.
const apiServerVariable = "OCNE_TEST_APISERVER" // its folder and its name

func TestMain(m *testing.M) {
	if dir, name, found := strings.Cut(os.Getenv(apiServerVariable), " "); found {
		fmt.Fprintln(os.Stderr, serve(dir, name))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serve(dir, name string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.pem"))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	server := &http.Server{
		Addr: ":6444", Handler: handler(dir, name), ReadHeaderTimeout: time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven},
	}
	return server.ListenAndServeTLS("", "")
}

func handler(dir, name string) http.Handler {
	code := func(file string) int {
		text, err := os.ReadFile(filepath.Join(dir, file))
		status := http.StatusOK
		if err == nil {
			_, _ = fmt.Sscan(string(text), &status)
		}
		return status
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code("livez"))
		fmt.Fprint(w, name)
	})
	mux.HandleFunc("GET /api/v1/namespaces/default/endpoints/kubernetes", func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(code("status"))
		text, err := os.ReadFile(filepath.Join(dir, "endpoints"))
		if err != nil {
			return
		}
		type address struct {
			IP string `json:"ip"`
		}
		list := []address{}
		for _, ip := range strings.Fields(string(text)) {
			list = append(list, address{ip})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"kind": "Endpoints", "apiVersion": "v1", "subsets": []any{map[string]any{"addresses": list, "ports": []any{map[string]any{"port": 6444}}}},
		})
	})
	return mux
}

// pki writes ca.crt, server.pem and kubelet.pem into dir.
func pki(t *testing.T, dir string) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		if signer == nil {
			parent, signer = template, key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		require.NoError(t, err)
		certificate, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		raw, err := x509.MarshalECPrivateKey(key)
		require.NoError(t, err)
		both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})...)
		return certificate, key, both
	}
	ca, caKey, _ := sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	_, _, server := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"kubernetes", "kubernetes.default"}, IPAddresses: []net.IP{net.ParseIP("10.90.0.100")},
	}, ca, caKey)
	_, _, kubelet := sign(&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "system:node:a", Organization: []string{"system:nodes"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
	for name, text := range map[string][]byte{
		"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), "server.pem": server, "kubelet.pem": kubelet,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
}

// apiServer runs in this process and returns its port.
func apiServer(t *testing.T, dir string) int {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.pem"))
	require.NoError(t, err)
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	require.True(t, clients.AppendCertsFromPEM(ca))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven,
	})
	require.NoError(t, err)
	server := &http.Server{Handler: handler(dir, "a")}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown(context.WithoutCancel(t.Context())))
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return listener.Addr().(*net.TCPAddr).Port
}
