package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestAStartReplacesNoKubeconfigOfAnotherCluster(t *testing.T) {
	o := order(t, olvmsim.New(t))
	own := kubeconfigOf(t, "https://192.0.2.160:6443", "a")
	for name, test := range map[string]struct {
		there, own []byte
		refused    bool
	}{
		"its own, of an earlier run":                         {there: own, own: own},
		"its own, before its management cluster was asked":   {there: own},
		"of a former cluster at the same address":            {there: kubeconfigOf(t, "https://192.0.2.160:6443", "b"), own: own},
		"its own, by a tunnel":                               {there: kubeconfigOf(t, "https://localhost:6443", "a"), own: own},
		"no kubeconfig":                                      {there: []byte("kubeconfig"), own: own},
		"another's":                                          {there: kubeconfigOf(t, "https://192.0.2.170:6443", "b"), own: own, refused: true},
		"another's, and the cluster has none of its own yet": {there: kubeconfigOf(t, "https://192.0.2.170:6443", "b"), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, workload.WriteKubeconfig(o.Config.KubeconfigPath(), test.there))
			err := o.refuseTakenKubeconfig(test.own)
			if !test.refused {
				require.NoError(t, err)
				return
			}
			path := o.Config.KubeconfigPath()
			refused(t, err, path+", where its kubeconfig would be written, is for another cluster", "https://192.0.2.170:6443", "https://192.0.2.160:6443",
				"Nothing was changed", "mv "+path+" "+path+".other")
		})
	}
}

func TestAStartLooksAtTheKubeconfigBeforeItChangesAnything(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	require.NoError(t, workload.WriteKubeconfig(o.Config.KubeconfigPath(), kubeconfigOf(t, "https://192.0.2.170:6443", "b")))
	_, err := Create(t.Context(), o, s.report)
	refused(t, err, "is for another cluster")
	require.Empty(t, engine.Requests(), "nothing was asked of the engine, or made in it")

	_, err = s.create(t.Context(), o, o.plan(t), &memory{off: true}, s.report)
	refused(t, err, "is for another cluster")
	require.False(t, s.exists(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ocne"}}))
}
