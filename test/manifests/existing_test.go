// Package manifests proves that what users of the OLVM provider have already, manifests and stored objects, goes on working.
package manifests

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

const namespace = "olvm"

// existing is one cluster as the existing command line tool renders it.
type existing struct {
	Name, Namespace, Net, URL, Username, Password string
	// Insecure is insecureSkipTLSVerify.
	Insecure bool
	// ControlPlane is the number of control plane nodes.
	ControlPlane int
	// NIC, Gateway, Interface and InterfaceType are empty where the user set none.
	NIC, Gateway, Interface, InterfaceType string
	// IPv6 is a range for the second stack, which is left out where it is empty.
	IPv6 string
	// CipherSuites and MatchLabels are null where the user set none.
	CipherSuites, MatchLabels string
	// Pools are the ipAddresses by group of machines.
	Pools map[string]string

	ControlPlaneIgnition, WorkerIgnition string
}

func newExisting(t *testing.T, e *programs.Engine, name string) existing {
	t.Helper()
	network := fmt.Sprintf("127.%d.%d", 64+rand.IntN(64), rand.IntN(256))
	return existing{
		Name: name, Namespace: namespace, Net: network, URL: e.URL, Username: programs.Username, Password: programs.Password,
		ControlPlane: 1, CipherSuites: "null", MatchLabels: "null",
		Pools: map[string]string{ // both enclose the virtual IP, .160, and one the gateway, .1
			"control-plane": fmt.Sprintf(`["%s.160/29", "%[1]s.196"]`, network),
			"md-0":          fmt.Sprintf(`["%s.0/30", "%[1]s.160/30", " %[1]s.200-%[1]s.220"]`, network),
		},
		ControlPlaneIgnition: ignition(t, "control-plane.ign"), WorkerIgnition: ignition(t, "worker.ign"),
	}
}

// ignition reads a document into the one line that additionalConfig holds.
func ignition(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, raw))
	return compact.String()
}

func (m existing) objects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	return render(t, "existing.yaml", m)
}

// render reads the objects of a template.
func render(t *testing.T, file string, values any) []*unstructured.Unstructured {
	t.Helper()
	functions := template.FuncMap{
		"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"quote":  func(s string) (string, error) { b, err := json.Marshal(s); return string(b), err },
	}
	parsed, err := template.New(file).Funcs(functions).ParseFiles(filepath.Join("testdata", file))
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, parsed.Execute(&text, values))
	decoder := yaml.NewYAMLOrJSONDecoder(&text, 4096)
	var list []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, object)
	}
}

// warnings collects what the API server warns of.
type warnings struct {
	mu   sync.Mutex
	list []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, text)
}

func (w *warnings) about(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.list, func(line string) bool { return line == text })
}

// apply makes the objects as kubectl apply --validate=warn does.
func apply(t *testing.T, kubeconfig string, objects []*unstructured.Unstructured) *warnings {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	warned := &warnings{}
	cfg.WarningHandler, cfg.QPS = warned, -1
	plain, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	c := client.WithFieldValidation(plain, metav1.FieldValidationWarn)
	for _, object := range objects {
		require.NoError(t, c.Create(t.Context(), object), "%s %s", object.GetKind(), object.GetName())
	}
	return warned
}

func createNamespace(t *testing.T, c client.Client) {
	t.Helper()
	require.NoError(t, c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
}
