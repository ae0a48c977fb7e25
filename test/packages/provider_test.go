package packages

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/hack/image/oci"
	"github.com/ocne-project/ocne/test/programs"
)

// provider is ocne-manager as an installed Deployment runs it.
type provider struct {
	*programs.Daemon
	w *world
	// account is the name of its user at the API server.
	account    string
	healthURL  string
	metricsURL string
	// root is the file system of its image; empty when it runs without one.
	root string
}

const managerName = "olvm-capi-controller-manager"

// startProvider runs the container called manager of the installed Deployment in a namespace, and waits until it is ready.
func (w *world) startProvider(t *testing.T, namespace string, inImage bool) *provider {
	t.Helper()
	p, ready := w.launchProvider(t, namespace, inImage)
	select {
	case line := <-p.Ready():
		p.isReady(t, line)
	case <-ready.Done():
		require.FailNow(t, "the provider is not ready", programs.Tail(p.Log))
	}
	return p
}

// tryProvider gives up, with an error, as soon as something is forbidden.
func (w *world) tryProvider(t *testing.T, namespace string, env ...string) (*provider, error) {
	t.Helper()
	p, patience := w.launchProvider(t, namespace, false, env...)
	for {
		select {
		case line := <-p.Ready():
			p.isReady(t, line)
			return p, nil
		case <-patience.Done():
			return nil, fmt.Errorf("the provider is not ready: %s", programs.Tail(p.Log))
		case <-time.After(50 * time.Millisecond):
			if refused := w.proxy.refused(); len(refused) > 0 {
				p.Kill()
				return nil, fmt.Errorf("%w: %s", errForbidden, refused[0])
			}
		}
	}
}

// isReady reads the line by which the manager says so.
func (p *provider) isReady(t *testing.T, line string) {
	t.Helper()
	var ready struct{ HealthURL string }
	require.NoError(t, json.Unmarshal([]byte(line), &ready), "%q, log: %s", line, programs.Tail(p.Log))
	p.healthURL = ready.HealthURL
}

// launchProvider runs the container; the context ends when there is no more patience.
func (w *world) launchProvider(t *testing.T, namespace string, inImage bool, env ...string) (*provider, context.Context) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: managerName}, deployment))
	pod := deployment.Spec.Template.Spec
	require.Len(t, pod.Containers, 1)
	container := pod.Containers[0]
	require.Equal(t, "manager", container.Name, "the contract of clusterctl")

	variables := environment(t, container, namespace)
	var names, args []string
	for name, value := range variables {
		env = append(env, name+"="+value)
		names = append(names, "$("+name+")", value)
	}
	metrics := freeAddress(t)
	for _, arg := range container.Args {
		args = append(args, ownPorts(strings.NewReplacer(names...).Replace(arg), metrics))
	}
	p := &provider{w: w, account: "system:serviceaccount:" + namespace + ":" + pod.ServiceAccountName, metricsURL: "https://" + metrics + "/metrics"}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	program := programs.Path(t, "ocne-manager")
	if inImage {
		p.root = unpackImage(t)
		kubeconfig = filepath.Join(p.root, "tmp", "kubeconfig")
		env = append(env, "KUBECONFIG=/tmp/kubeconfig", "HOME=/", "TMPDIR=/tmp")
		args = append([]string{"--userspec=" + oci.User, p.root, "/ocne-manager"}, args...)
		program = chroot(t)
	} else {
		env = append(env, "KUBECONFIG="+kubeconfig)
	}
	w.writeKubeconfig(kubeconfig, namespace, pod.ServiceAccountName)
	p.Daemon = programs.Launch(t, env, program, args...)
	patience, cancel := context.WithTimeout(t.Context(), programs.Patience)
	t.Cleanup(cancel)
	return p, patience
}

// environment are the variables of a container, as a kubelet would set them.
func environment(t *testing.T, c corev1.Container, namespace string) map[string]string {
	t.Helper()
	variables := map[string]string{}
	for _, v := range c.Env {
		if v.ValueFrom != nil {
			require.Equal(t, "metadata.namespace", v.ValueFrom.FieldRef.FieldPath, v.Name)
			v.Value = namespace
		}
		variables[v.Name] = v.Value
	}
	return variables
}

// ownPorts gives the manager ports of its own on loopback: a pod has all ports to itself, a process has not.
func ownPorts(arg, metrics string) string {
	if strings.HasPrefix(arg, "--health-probe-bind-address=:") {
		return "--health-probe-bind-address=127.0.0.1:0"
	}
	if strings.HasPrefix(arg, "--metrics-bind-address=:") {
		return "--metrics-bind-address=" + metrics
	}
	return arg
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// chroot is the program that runs another one with its own root directory and user.
func chroot(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chroot")
	require.NoError(t, err)
	return path
}

// unpackImage makes the image of ocne-manager and unpacks it.
func unpackImage(t *testing.T) (root string) {
	t.Helper()
	d := oci.Description{Title: "ocne-manager", Version: "dev", Source: "https://github.com/ocne-project/ocne", Licenses: "Apache-2.0"}
	image, err := oci.Image(d, runtime.GOARCH, programs.PlainPath(t, "ocne-manager"))
	require.NoError(t, err)
	layout := filepath.Join(t.TempDir(), "layout")
	require.NoError(t, oci.Write(layout, d, image))
	// Not below the test's directory: another user has to reach it.
	root, err = os.MkdirTemp("", "ocne-image-") //nolint:usetesting // the other user must reach it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	config, err := oci.Extract(layout, runtime.GOARCH, root)
	require.NoError(t, err)
	require.Equal(t, oci.User, config.Config.User)
	require.NoError(t, os.Chmod(root, 0o555))
	return root
}

// expectNothingWritten: the root file system of the pod is read-only.
func (p *provider) expectNothingWritten(t *testing.T) {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(p.root, func(path string, _ fs.DirEntry, err error) error {
		files = append(files, strings.TrimPrefix(path, p.root))
		return err
	}))
	require.Equal(t, []string{"", "/ocne-manager", "/tmp", "/tmp/kubeconfig"}, files)
}

// expectProbes asks the paths of the Deployment's probes.
func (p *provider) expectProbes(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/healthz", "/readyz"} {
		programs.Eventually(t, path+" is fine", func() (bool, string) { // it is not while the caches of a new leader fill
			status, body := get(t, p.healthURL+path, "")
			return status == http.StatusOK, body
		})
	}
}

// expectMetrics asks for the metrics as the packages' reader, and as nobody.
func (p *provider) expectMetrics(t *testing.T) {
	t.Helper()
	status, body := get(t, p.metricsURL, p.w.metricsReader())
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "controller_runtime_reconcile_total")
	require.Contains(t, body, "olvm_")
	status, _ = get(t, p.metricsURL, "")
	require.Equal(t, http.StatusUnauthorized, status, "without a token")
	stranger := metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "stranger"}
	p.w.create(&corev1.ServiceAccount{ObjectMeta: stranger})
	status, _ = get(t, p.metricsURL, p.w.token(stranger.Namespace, stranger.Name))
	require.Equal(t, http.StatusForbidden, status, "for an account without the role")
}

func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}
