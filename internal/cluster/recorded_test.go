package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

func TestAClusterIsFoundAgainWithoutKUBECONFIG(t *testing.T) {
	a, b := newOutpost(t, "a", demo()), newOutpost(t, "b")
	u := newUser(t)
	u.env = a.kubeconfig
	_, err := u.open("demo")
	require.NoError(t, err)
	require.NotContains(t, u.told.String(), "is held by")
	require.Equal(t, a.place(), u.kept("demo").Management, "the first use by its name")

	u.env = ""
	m, err := u.open("demo")
	require.NoError(t, err)
	require.Equal(t, a.server.URL, m.server())
	require.Empty(t, u.told.String())

	u.env = b.kubeconfig
	m, err = u.open("demo")
	require.NoError(t, err)
	require.Equal(t, a.server.URL, m.server(), "what is remembered is a fact")
	require.Equal(t, 1, strings.Count(u.told.String(), "\n"), "one line: %s", &u.told)
	require.Contains(t, u.told.String(), "KUBECONFIG="+b.kubeconfig+" is not used (--kubeconfig would be)")

	u.flag = b.kubeconfig
	_, err = u.open("demo")
	refused(t, err, "there is no cluster demo in the management cluster "+b.server.URL)
	require.Equal(t, a.place(), u.kept("demo").Management)
}

func TestTheContextIsRememberedAndNotTheOneThatIsCurrentLater(t *testing.T) {
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	u.env = a.kubeconfig
	_, err := u.open("demo")
	require.NoError(t, err)
	c, err := clientcmd.LoadFromFile(a.kubeconfig)
	require.NoError(t, err)
	c.CurrentContext = "unused"
	require.NoError(t, clientcmd.WriteToFile(*c, a.kubeconfig))
	m, err := u.open("demo")
	require.NoError(t, err)
	require.Equal(t, "mine", m.Context, "for kubectl's --context")
	require.Contains(t, u.told.String(), "is not used", "KUBECONFIG names another one by now")

	path, done, err := m.oneFile()
	require.NoError(t, err)
	one, err := clientcmd.LoadFromFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", one.CurrentContext, "for a library that takes a file")
	require.Len(t, one.Clusters, 1)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoError(t, done())
	require.NoDirExists(t, filepath.Dir(path))
}

func TestSeveralKubeconfigFilesAreRememberedAndMergedAgain(t *testing.T) {
	a := newOutpost(t, "a", demo())
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, clientcmd.WriteToFile(*clientcmdapi.NewConfig(), empty))
	u := newUser(t)
	u.env = strings.Join([]string{empty, "/does/not/exist", a.kubeconfig}, string(filepath.ListSeparator))
	_, err := u.open("demo")
	require.NoError(t, err)
	require.Equal(t, []string{empty, a.kubeconfig}, u.kept("demo").Management.Files)
	u.env = ""
	m, err := u.open("demo")
	require.NoError(t, err)
	require.Empty(t, m.Kubeconfig)
	path, done, err := m.oneFile()
	require.NoError(t, err)
	require.FileExists(t, path)
	require.NoError(t, done())
}

func TestARememberedManagementClusterThatCannotBeUsedIsSaidWithTheWayOut(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, u *user, a *outpost)
		says  string
	}{
		"it does not answer": {func(_ *testing.T, _ *user, a *outpost) { a.server.Close() }, "does not answer"},
		"its kubeconfig is gone": {func(t *testing.T, _ *user, a *outpost) {
			require.NoError(t, os.Remove(a.kubeconfig))
		}, "no such file"},
		"another cluster is behind the same kubeconfig": {func(_ *testing.T, _ *user, a *outpost) { a.uid.Store("other") },
			"its kubeconfig leads to another cluster now: the namespace kube-system at"},
		"the embedded one was removed": {func(_ *testing.T, u *user, _ *outpost) {
			u.keep("demo", record.Management{Kind: record.Embedded, UID: "e"})
		}, "is held by the embedded management cluster, as"},
		"it managed itself, and its kubeconfig is gone": {func(_ *testing.T, u *user, _ *outpost) {
			u.keep("demo", record.Management{Kind: record.Self, Files: []string{"/does/not/exist"}, UID: "s"})
		}, "there is no kubeconfig of it"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newOutpost(t, "a", demo()), newOutpost(t, "b", demo())
			u := newUser(t)
			u.keep("demo", a.place())
			test.spoil(t, u, a)
			u.env = b.kubeconfig
			_, err := u.open("demo")
			refused(t, err, test.says, u.file().Path, "name it once: --kubeconfig FILE", "restore", "ocne cluster orphans", "ocne cluster delete -C demo --forget")
			_, err = Delete(t.Context(), DeleteOptions{Config: u.config("demo"), AnyNamespace: true, Management: u.options()}, u.report)
			refused(t, err, test.says)
			if u.kept("demo").Management.Kind != record.Self { // a start of which needs an image first
				_, err = CreateOptions{Config: u.config("demo"), Management: u.options()}.find(t, u)
				refused(t, err, test.says)
			}

			u.flag = b.kubeconfig
			m, err := u.open("demo")
			require.NoError(t, err)
			require.Equal(t, b.server.URL, m.server())
			require.Equal(t, b.place(), u.kept("demo").Management, "from now on")
			require.NotEmpty(t, u.kept("demo").History)
		})
	}
}

// find is what a start does to find the management cluster.
func (o CreateOptions) find(t *testing.T, u *user) (*Management, error) {
	t.Helper()
	u.told.Reset()
	mem, err := recallToWrite(o.Management, o.Config, u.report)
	require.NoError(t, err)
	return o.open(t.Context(), &plan{key: keyOf(o.Config)}, mem, u.report)
}

func TestAClusterThatItsManagementClusterHasLostIsToldApartFromAMistypedName(t *testing.T) {
	a := newOutpost(t, "a", capiCluster("ocne", "prod", "OLVMCluster"))
	u := newUser(t)
	u.keep("demo", a.place())
	_, err := u.open("demo")
	refused(t, err, "cluster demo is not in the management cluster", "any more", "ocne cluster delete -C demo")
}

func TestAStartGoesOnWhereTheClusterIs(t *testing.T) {
	for name, test := range map[string]struct {
		a           []*clusterv1.Cluster
		aIsDead     bool
		flagIsB     bool
		noneIsNamed bool
		uses, says  string
	}{
		"the remembered one, when nobody names another": {noneIsNamed: true, uses: "a"},

		"the remembered one, and not KUBECONFIG's":               {a: []*clusterv1.Cluster{demo()}, uses: "a"},
		"KUBECONFIG's, when the remembered one has it no more":   {uses: "b", says: "is not in"},
		"--kubeconfig's, when the remembered one has it no more": {flagIsB: true, uses: "b"},
		"no second one is made beside the first":                 {a: []*clusterv1.Cluster{demo()}, flagIsB: true, says: "is held by"},
		"--kubeconfig's, when the remembered one is dead":        {aIsDead: true, flagIsB: true, uses: "b", says: "cannot be asked whether it still does"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newOutpost(t, "a", test.a...), newOutpost(t, "b")
			u := newUser(t)
			u.keep("demo", a.place())
			u.env = b.kubeconfig
			if test.noneIsNamed {
				u.env = ""
			}
			if test.flagIsB {
				u.flag = b.kubeconfig
			}
			if test.aIsDead {
				a.server.Close()
			}
			m, err := CreateOptions{Config: u.config("demo"), Management: u.options()}.find(t, u)
			if test.uses == "" {
				refused(t, err, test.says, "two management clusters would work against each other", "Nothing was changed")
				return
			}
			require.NoError(t, err)
			require.Equal(t, map[string]string{"a": a.server.URL, "b": b.server.URL}[test.uses], m.server())
			require.Contains(t, u.told.String(), test.says)
		})
	}
}

func TestAClusterThatManagesItselfIsFoundByItsNameAlone(t *testing.T) {
	self, elsewhere := newOutpost(t, "s", demo()), newOutpost(t, "b")
	u := newUser(t)
	u.keep("demo", record.Management{Kind: record.Self, Files: []string{self.kubeconfig}, Context: "", UID: "s"})
	u.env = elsewhere.kubeconfig
	m, err := u.open("demo")
	require.NoError(t, err)
	require.True(t, m.own)
	require.Equal(t, self.server.URL, m.server())
	require.Contains(t, u.told.String(), "is held by the cluster itself")
	require.Equal(t, record.Self, u.kept("demo").Management.Kind)

	u.env = ""
	_, err = u.open("demo")
	require.NoError(t, err, "there is no other management cluster at all")
}

// A move that was interrupted is completed where it was begun, whatever KUBECONFIG says by then.
func TestAnInterruptedMoveOutOfAClusterIsFoundByTheRecord(t *testing.T) {
	moving := demo()
	moving.Annotations = map[string]string{moveAnnotation: outward}
	self, target := newOutpost(t, "s", moving), newOutpost(t, "x", demo())
	u := newUser(t)
	place := target.place()
	require.NoError(t, u.file().Keep(t.Context(), record.Cluster{
		Namespace: "ocne", Name: "demo", Management: record.Management{Kind: record.Self, Files: []string{self.kubeconfig}, UID: "s"}, MovingTo: &place,
	}))
	_, err := u.open("demo")
	refused(t, err, "the objects of cluster demo are being moved between its management clusters")
	require.NotNil(t, u.kept("demo").MovingTo, "a look leaves it")
}

func TestANameInTwoNamespacesIsAskedFor(t *testing.T) {
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	u.keep("demo", a.place())
	require.NoError(t, u.file().Keep(t.Context(), record.Cluster{Namespace: "b", Name: "demo", Management: record.Management{Kind: record.Embedded}}))
	_, err := u.open("demo")
	refused(t, err, "there are several clusters demo:", "demo (namespace b): the embedded management cluster", "-c FILE")
	m, found, err := Selection{Config: u.config("demo"), Management: u.options()}.open(t.Context(), u.report)
	require.NoError(t, err)
	require.Equal(t, client.ObjectKey{Namespace: "ocne", Name: "demo"}, client.ObjectKeyFromObject(found))
	require.Equal(t, a.server.URL, m.server())
}

func TestTheCacheOfAnotherOcneIsLeftAlone(t *testing.T) {
	const theirs = "clusters:\n    demo:\n        config:\n            name: demo\n        kubeconfig: /k\n"
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	u.env = a.kubeconfig
	require.NoError(t, workload.WriteKubeconfig(u.file().Path, []byte(theirs)))
	m, err := u.open("demo")
	require.NoError(t, err, "looking works as without a record")
	require.Equal(t, a.server.URL, m.server())
	require.Contains(t, u.told.String(), "Warning: "+u.file().Path+" is the cluster cache of another ocne")
	require.Contains(t, u.told.String(), "mv "+u.file().Path+" "+u.file().Path+".other")

	_, err = recallToWrite(u.options(), u.config("demo"), u.report)
	refused(t, err, "is the cluster cache of another ocne", "Nothing was changed", "mv ")
	content, err := os.ReadFile(u.file().Path)
	require.NoError(t, err)
	require.Equal(t, theirs, string(content))
}

func TestARecordThatCannotBeReadIsAnErrorUnlessTheManagementClusterIsNamed(t *testing.T) {
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	u.env = a.kubeconfig
	require.NoError(t, workload.WriteKubeconfig(u.file().Path, []byte("version: 7\nclusters: []\n")))
	_, err := u.open("demo")
	refused(t, err, "written by a newer ocne", "Nothing was changed")
	u.flag = a.kubeconfig
	_, err = u.open("demo")
	require.NoError(t, err)
	require.Contains(t, u.told.String(), "It is not used, because --kubeconfig names the management cluster")
	_, err = recallToWrite(u.options(), u.config("demo"), u.report)
	refused(t, err, "written by a newer ocne")
}

func TestAClusterIsForgottenOnlyWhenItsManagementClusterIsGone(t *testing.T) {
	a := newOutpost(t, "a", demo())
	u := newUser(t)
	forget := func(name string) error {
		u.told.Reset()
		_, err := Delete(t.Context(), DeleteOptions{Config: u.config(name), AnyNamespace: true, Management: u.options(), Forget: true}, u.report)
		return err
	}
	refused(t, forget("demo"), "no management cluster is remembered for a cluster demo")
	u.keep("demo", a.place())
	refused(t, forget("demo"), "which is there", "Nothing was forgotten")
	kubeconfig := filepath.Join(u.home, ".kube", "kubeconfig.demo")
	require.NoError(t, workload.WriteKubeconfig(kubeconfig, []byte("kubeconfig")))
	a.server.Close()
	require.NoError(t, forget("demo"))
	require.Nil(t, u.kept("demo"))
	require.FileExists(t, kubeconfig)
	require.Contains(t, u.told.String(), "Forgot that cluster demo is held by")

	u.keep("demo", record.Management{Kind: record.Embedded})
	require.NoError(t, forget("demo"), "the embedded one was removed")
	require.Nil(t, u.kept("demo"))

	self, target := newOutpost(t, "s", marked(outward)), newOutpost(t, "x")
	place := target.place()
	require.NoError(t, u.file().Keep(t.Context(), record.Cluster{
		Namespace: "ocne", Name: "demo", Management: record.Management{Kind: record.Self, Files: []string{self.kubeconfig}, UID: "s"}, MovingTo: &place,
	}))
	refused(t, forget("demo"), "is on its way to "+place.String()+", which is there", "Nothing was forgotten")
	target.server.Close()
	require.NoError(t, forget("demo"), "the move cannot be completed")
	require.Nil(t, u.kept("demo"))
}

// What was deleted by other means is no error, and its name no mistake as long as it is remembered.
func TestADeleteForgetsAClusterThatIsGone(t *testing.T) {
	a, b := newOutpost(t, "a", capiCluster("ocne", "prod", "OLVMCluster")), newOutpost(t, "b", capiCluster("ocne", "prod", "OLVMCluster"))
	u := newUser(t)
	u.keep("demo", a.place())
	u.env = b.kubeconfig
	o := DeleteOptions{Config: u.config("demo"), AnyNamespace: true, Management: u.options()}
	o.Management.Flag = b.kubeconfig
	_, err := Delete(t.Context(), o, u.report)
	refused(t, err, "there is no cluster demo in the management cluster "+b.server.URL)
	require.NotNil(t, u.kept("demo"), "another management cluster says nothing of it")
	o.Management.Flag = ""
	_, err = Delete(t.Context(), o, u.report)
	require.NoError(t, err)
	require.Contains(t, u.told.String(), "There is no cluster demo in the management cluster: nothing to delete")
	require.Nil(t, u.kept("demo"))

	u.keep("demo", record.Management{Kind: record.Embedded, UID: "e"})
	o.Management.Flag = a.kubeconfig
	_, err = Delete(t.Context(), o, u.report)
	require.Error(t, err)
	require.NotNil(t, u.kept("demo"), "the embedded one may have it")
}

// An embedded management cluster ends when it manages nothing: whatever is remembered of it was never made, or is gone.
func TestWithAnEmbeddedManagementClusterEndsWhatIsRememberedOfIt(t *testing.T) {
	u := newUser(t)
	u.keep("killed-before-it-was-made", record.Management{Kind: record.Embedded, UID: "e1"})
	u.keep("of-a-former-one", record.Management{Kind: record.Embedded, UID: "e0"})
	u.keep("elsewhere", newOutpost(t, "a").place())
	require.NoError(t, u.file().Keep(t.Context(), record.Cluster{
		Namespace: "ocne", Name: "moved-into-itself", Management: record.Management{Kind: record.Embedded, UID: "e1"},
		MovingTo: &record.Management{Kind: record.Self, Files: []string{"/own"}},
	}))
	m := &Management{homeDir: u.home, place: record.Management{Kind: record.Embedded}}
	require.NoError(t, m.forgetAll(t.Context()))
	require.NotNil(t, u.kept("killed-before-it-was-made"), "nobody knows which one has ended")
	m.place.UID = "e1"
	require.NoError(t, m.forgetAll(t.Context()))
	require.Nil(t, u.kept("killed-before-it-was-made"))
	require.NotNil(t, u.kept("of-a-former-one"))
	require.NotNil(t, u.kept("elsewhere"))
	require.NotNil(t, u.kept("moved-into-itself"), "the move was interrupted at its end")
	listed, err := List(t.Context(), u.options(), u.report)
	require.NoError(t, err)
	phases := map[string]string{}
	for _, l := range listed {
		phases[l.Name] = l.Phase
	}
	require.Equal(t, map[string]string{"elsewhere": PhaseGone, "moved-into-itself": PhaseMoving, "of-a-former-one": PhaseLost}, phases)
}

func TestAPasswordInTheServersURLIsNotRemembered(t *testing.T) {
	require.Equal(t, "https://192.0.2.1:6443", withoutUser("https://me:secret@192.0.2.1:6443"))
	require.Empty(t, withoutUser("https://me:secret@192.0.2.1:%zz"))
}
