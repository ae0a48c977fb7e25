// Package contract proves what docs/reference/contract.md promises: Cluster API's contract for infrastructure providers, and the scenarios
// that Cluster API's own end-to-end tests run against providers.
package contract

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

// fixture is one management cluster, with Cluster API and the provider in it, which has the shipped roles' rights, and one engine. All
// clusters of TestContract share them.
type fixture struct {
	client.WithWatch
	kubeconfig string
	sim        *programs.Engine
}

// TestContract runs several clusters beside each other: two at once, or as many as -parallel says.
func TestContract(t *testing.T) {
	f := &fixture{sim: programs.StartEngine(t, "--guests", "instant")}
	f.kubeconfig = programs.StartProvider(t)
	f.WithWatch = programs.Management(t, f.kubeconfig)
	for _, story := range []struct {
		name string
		tell func(*testing.T, *fixture)
	}{
		{"life of a cluster", lifeOfACluster},
		{"three control plane nodes", threeControlPlaneNodes},
		{"managed topology", managedTopology},
		{"externally managed", externallyManaged},
		{"namespace deleted first", namespaceDeletedFirst},
		{"credentials deleted first", credentialsDeletedFirst},
		{"credentials removed by force", credentialsRemovedByForce},
		{"OLVMCluster deleted first", olvmClusterDeletedFirst},
		{"Machine removed by force", machineRemovedByForce},
		{"installed kinds", installedKinds},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			story.tell(t, f)
		})
	}
}
