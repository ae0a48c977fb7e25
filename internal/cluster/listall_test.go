package cluster

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ocne-project/ocne/internal/cluster/record"
)

func TestAllRememberedClustersAreListedAtOnce(t *testing.T) {
	a, b := newOutpost(t, "a", demo(), capiCluster("ocne", "unknown", "OLVMCluster")), newOutpost(t, "b", capiCluster("ocne", "second", "OLVMCluster"))
	self, dead := newOutpost(t, "s", capiCluster("ocne", "itself", "OLVMCluster")), newOutpost(t, "d")
	other := newOutpost(t, "o", capiCluster("ocne", "swapped", "OLVMCluster"))
	u := newUser(t)
	u.keep("demo", a.place())
	u.keep("gone", a.place())
	u.keep("second", b.place())
	u.keep("itself", record.Management{Kind: record.Self, Files: []string{self.kubeconfig}, UID: "s"})
	u.keep("dead", dead.place())
	u.keep("lost", record.Management{Kind: record.Embedded, UID: "e"})
	u.keep("swapped", other.place())
	other.uid.Store("another")
	dead.server.Close()
	u.env = b.kubeconfig
	b.clusters = append(b.clusters, capiCluster("ocne", "fresh", "OLVMCluster"))

	listed, err := List(t.Context(), u.options(), u.report)
	require.NoError(t, err)
	type row struct{ name, phase, server string }
	rows := make([]row, len(listed))
	for i, l := range listed {
		rows[i] = row{l.Name, l.Phase, l.Management.Server}
		require.Equal(t, l.Phase == "", l.Message == "", l.Message)
	}
	require.Equal(t, []row{
		{"dead", PhaseUnreachable, dead.server.URL}, {"demo", "", a.server.URL}, {"fresh", "", b.server.URL}, {"gone", PhaseGone, a.server.URL},
		{"itself", "", self.server.URL}, {"lost", PhaseLost, ""}, {"second", "", b.server.URL}, {"swapped", PhaseLost, other.server.URL},
	}, rows)
	require.Equal(t, record.Self, listed[4].Management.Kind)
	require.Equal(t, b.place(), listed[6].Management)

	u.flag = a.kubeconfig
	listed, err = List(t.Context(), u.options(), u.report)
	require.NoError(t, err)
	require.Len(t, listed, 2, "--kubeconfig: those of that one alone")
}

func TestAKUBECONFIGThatIsWrongHidesNoRememberedCluster(t *testing.T) {
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	u.env = "/does/not/exist"
	_, err := List(t.Context(), u.options(), u.report)
	refused(t, err, "no such file")
	u.keep("demo", a.place())
	listed, err := List(t.Context(), u.options(), u.report)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.Contains(t, u.told.String(), "Warning: management cluster named by KUBECONFIG=/does/not/exist")
}

func TestAManagementClusterThatHangsIsNotWaitedFor(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hanging.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: hanging.URL}}, Contexts: map[string]*clientcmdapi.Context{"c": {Cluster: "c"}}, CurrentContext: "c",
	}, file))
	u := newUser(t)
	place := record.Management{Kind: record.Kubeconfig, Files: []string{file}, Context: "c"}
	q := &question{place: &place, remembered: []record.Cluster{{Namespace: "ocne", Name: "demo", Management: place}}}
	q.ask(t.Context(), u.options(), 50*time.Millisecond, u.report)
	listed := q.answer()
	require.Len(t, listed, 1)
	require.Equal(t, PhaseUnreachable, listed[0].Phase)
	require.Equal(t, "no answer within 50ms", listed[0].Message)
}
