package programs

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Bundle is a management cluster that runs Cluster API and the OLVM provider in one process.
type Bundle struct {
	client.Client
	Kubeconfig string
	// Manager is that process.
	Manager *Daemon
}

// StartBundle starts a management cluster of its own.
func StartBundle(t testing.TB) *Bundle {
	t.Helper()
	b := &Bundle{Kubeconfig: StartControlPlane(t)}
	b.StartManager(t)
	b.Client = Management(t, b.Kubeconfig)
	return b
}

// StartManager starts the controllers, which first install their definitions; a test that has stopped them may start them again.
func (b *Bundle) StartManager(t testing.TB) {
	t.Helper()
	var ready struct{ WebhookURL string }
	b.Manager = Start(t, &ready, nil, Path(t, "ocne-manager"), BundleArguments(b.Kubeconfig, t.TempDir(), "ReconcilerRateLimiting=false")...)
}

// BundleArguments are those of a manager that runs Cluster API and the OLVM provider, keeps its certificate in a directory, and has Cluster
// API's feature gates as given.
func BundleArguments(kubeconfig, certificates, gates string) []string {
	return []string{
		"--kubeconfig", kubeconfig, "--providers", "core,bootstrap,control-plane,olvm", "--install", "--cert-dir", certificates,
		"--leader-elect=false", "--metrics-bind-address", "0", "--feature-gates", gates,
	}
}
