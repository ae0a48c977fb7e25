package olvmcluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestTheControlPlaneEndpointIsCompleted(t *testing.T) {
	type endpoint = clusterv1.APIEndpoint
	for name, test := range map[string]struct{ given, cluster, want endpoint }{
		"one that is whole stays": {
			given: endpoint{Host: "192.0.2.5", Port: 443}, cluster: endpoint{Host: "192.0.2.6", Port: 6443}, want: endpoint{Host: "192.0.2.5", Port: 443},
		},
		"the port is 6443 unless it is set": {given: endpoint{Host: "192.0.2.5"}, want: endpoint{Host: "192.0.2.5", Port: 6443}},
		"the host may be in the Cluster": {
			cluster: endpoint{Host: "192.0.2.6", Port: 443}, want: endpoint{Host: "192.0.2.6", Port: 443},
		},
		"... beside a port that is set here": {
			given: endpoint{Port: 8443}, cluster: endpoint{Host: "192.0.2.6", Port: 443}, want: endpoint{Host: "192.0.2.6", Port: 8443},
		},
		"without any host the cluster waits": {given: endpoint{Port: 8443}, want: endpoint{Port: 8443}},
		"without any endpoint it waits, too": {},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			require.NoError(t, infrav1.AddToScheme(scheme))
			olvm := &infrav1.OLVMCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "demo"}}
			olvm.Spec.ControlPlaneEndpoint = test.given
			cluster := &clusterv1.Cluster{Spec: clusterv1.ClusterSpec{ControlPlaneEndpoint: test.cluster}}
			r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(olvm).Build()}
			key := client.ObjectKeyFromObject(olvm)
			require.NoError(t, r.Get(t.Context(), key, olvm))

			complete, again, err := r.wholeEndpoint(t.Context(), cluster, olvm)
			require.NoError(t, err)
			require.Equal(t, test.given.IsValid(), complete, "what was changed is looked at again")
			if !test.want.IsValid() {
				require.Equal(t, lookAgain, again)
				require.Equal(t, infrav1.InvalidSpecReason, conditions.GetReason(olvm, infrav1.ReadyCondition))
			}
			require.NoError(t, r.Get(t.Context(), key, olvm))
			require.Equal(t, test.want, olvm.Spec.ControlPlaneEndpoint)
		})
	}
}
