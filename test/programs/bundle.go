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
	b.Manager = Start(t, &ready, nil, Path(t, "ocne-manager"), "--kubeconfig", b.Kubeconfig,
		"--providers", "core,bootstrap,control-plane,olvm", "--install", "--cert-dir", t.TempDir(), "--leader-elect=false",
		"--metrics-bind-address", "0", "--feature-gates", "ReconcilerRateLimiting=false")
}
