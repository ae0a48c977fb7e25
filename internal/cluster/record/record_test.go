package record

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is when the tests begin; the clock goes on by a minute with each look.
func noon() func() time.Time {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Minute)
		return now
	}
}

func newFile(t *testing.T) File {
	t.Helper()
	f := Of(t.TempDir())
	f.Now = noon()
	return f
}

func (f File) write(t *testing.T, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(f.Path), 0o700))
	require.NoError(t, os.WriteFile(f.Path, []byte(content), 0o600))
}

func (f File) only(t *testing.T) Cluster {
	t.Helper()
	all, err := f.Clusters()
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func external(uid string) Management {
	return Management{Kind: Kubeconfig, Files: []string{"/home/me/.kube/config"}, Context: "prod", Server: "https://192.0.2.1:6443", UID: uid}
}

func TestAManagementClusterOnLibvirtStaysOursWhenItIsNamedByHand(t *testing.T) {
	f := Of(t.TempDir())
	ours := Management{Kind: Libvirt, Files: []string{"/k"}, Host: "qemu:///system", Cluster: "small", UID: "1"}
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: ours}))
	for file, want := range map[string]Kind{"/k": Libvirt, "/copy": Kubeconfig} {
		require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: ours}))
		require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: Management{Kind: Kubeconfig, Files: []string{file}, UID: "1"}}))
		named, err := f.Named("ocne", "demo")
		require.NoError(t, err)
		require.Equal(t, want, named[0].Management.Kind, file)
		require.Equal(t, want == Libvirt, named[0].Management.Host == ours.Host, file)
	}
}

func TestNothingIsRememberedWithoutAFile(t *testing.T) {
	f := newFile(t)
	all, err := f.Clusters()
	require.NoError(t, err)
	require.Empty(t, all)
	require.NoError(t, f.Forget(t.Context(), func(Cluster) bool { return true }))
	require.NoError(t, f.CheckWritable())
	require.NoDirExists(t, filepath.Dir(f.Path), "to look changes nothing")
}

func TestTheFileIsReadableAndForItsOwnerOnly(t *testing.T) {
	f := newFile(t)
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Provider: "olvm", Config: "/home/me/demo.yaml", Management: external("1-2")}))
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "a", Name: "first", Management: Management{Kind: Embedded, UID: "3"}}))
	self := Management{Kind: Self, Files: []string{"/home/me/.kube/kubeconfig.demo"}, UID: "4"}
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: external(""), MovingTo: &self}))
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: self}))
	content, err := os.ReadFile(f.Path)
	require.NoError(t, err)
	require.Equal(t, header+`clusters:
- management:
    kind: embedded
    uid: "3"
  name: first
  namespace: a
  since: "2026-01-02T12:02:00Z"
- config: /home/me/demo.yaml
  history:
  - context: prod
    files:
    - /home/me/.kube/config
    kind: kubeconfig
    server: https://192.0.2.1:6443
    since: "2026-01-02T12:01:00Z"
    uid: 1-2
    until: "2026-01-02T12:04:00Z"
  management:
    files:
    - /home/me/.kube/kubeconfig.demo
    kind: self
    uid: "4"
  name: demo
  namespace: ocne
  provider: olvm
  since: "2026-01-02T12:04:00Z"
version: 2
`, string(content))
	info, err := os.Stat(f.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoFileExists(t, f.Path+".new")
}

func TestWhatIsKnownIsNotWrittenAgain(t *testing.T) {
	f := newFile(t)
	moving := external("2")
	for _, c := range []Cluster{
		{Namespace: "ocne", Name: "demo", Provider: "olvm", Management: external("1")},
		{Namespace: "ocne", Name: "demo", Provider: "olvm", Management: external("1"), MovingTo: &moving},
	} {
		require.NoError(t, f.Keep(t.Context(), c))
		before, err := os.Stat(f.Path)
		require.NoError(t, err)
		c.Provider = ""
		c.Management.UID = ""
		require.NoError(t, f.Keep(t.Context(), c))
		after, err := os.Stat(f.Path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), "every writing makes a new file")
	}
}

func TestAnotherWayToTheSameManagementClusterIsNoChangeOfIt(t *testing.T) {
	f := newFile(t)
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: external("1")}))
	moved := external("1")
	moved.Files, moved.Context = []string{"/elsewhere"}, ""
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: moved}))
	c := f.only(t)
	require.Equal(t, moved, c.Management)
	require.Empty(t, c.History)

	other := moved
	other.UID = "2"
	require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: other}))
	require.Equal(t, moved, f.only(t).History[0].Management, "another cluster behind the same path")
}

func TestTheHistoryIsBounded(t *testing.T) {
	f := newFile(t)
	for i := range maxHistory + 3 {
		require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: external(fmt.Sprint(i))}))
	}
	c := f.only(t)
	require.Len(t, c.History, maxHistory)
	require.Equal(t, "7", c.Management.UID)
	require.Equal(t, "6", c.History[0].UID, "the latest first")
	require.Equal(t, c.Since, c.History[0].Until)
	require.True(t, c.History[0].Since.Before(c.History[0].Until))
}

func TestClustersAreFoundByNameAndForgotten(t *testing.T) {
	f := newFile(t)
	for _, namespace := range []string{"b", "a"} {
		for _, name := range []string{"demo", "prod"} {
			require.NoError(t, f.Keep(t.Context(), Cluster{Namespace: namespace, Name: name, Management: Management{Kind: Embedded}}))
		}
	}
	named, err := f.Named("", "demo")
	require.NoError(t, err)
	require.Equal(t, []string{"a/demo", "b/demo"}, []string{named[0].fullName(), named[1].fullName()})
	named, err = f.Named("b", "demo")
	require.NoError(t, err)
	require.Len(t, named, 1)
	require.NoError(t, f.Forget(t.Context(), func(c Cluster) bool { return c.Name == "demo" || c.Namespace == "a" }))
	require.Equal(t, "b/prod", new(f.only(t)).fullName())
}

// What the ocne of Oracle Cloud Native Environment writes, shortened.
const theirs = `clusters:
    prod:
        config:
            name: prod
            provider: olvm
        kubeconfig: /home/me/.kube/kubeconfig.prod
`

func TestAFileThatIsNotOursIsNeitherMisreadNorDestroyed(t *testing.T) {
	one := func(cluster string) string {
		return "version: 1\nclusters: [{name: a, namespace: b, " + cluster + "}]\n"
	}
	for name, test := range map[string]struct {
		content string
		says    string
		foreign bool
	}{
		"the cache of the other ocne": {theirs, "is the cluster cache of another ocne", true},
		"its cache without clusters":  {"clusters: {}\n", "is the cluster cache of another ocne", true},
		"a newer ocne's":              {"version: 99\nclusters: []\n", "it was written by a newer ocne (version 99, and this one knows 2)", false},
		"no version":                  {"clusters: []\n", "it has no version", false},
		"an empty file":               {"", "it has no version", false},
		"not YAML":                    {"{", "error converting YAML to JSON", false},
		"an unknown key":              {one("nam: demo"), `unknown field "nam"`, false},
		"no namespace":                {"version: 1\nclusters: [{name: demo}]\n", "cluster 1 has no name or no namespace", false},
		"an unknown kind":             {one("management: {kind: cloud}"), `unknown kind "cloud"`, false},
		"no files":                    {one("management: {kind: self}"), "of kind self has no kubeconfig files", false},
		"no files of the target":      {one("management: {kind: embedded}, movingTo: {kind: self}"), "of kind self has no kubeconfig files", false},
		"a list as a management":      {one("management: []"), "cannot unmarshal", false},
		"the same cluster twice": {
			"version: 1\nclusters:\n" + strings.Repeat("- {name: a, namespace: b, management: {kind: embedded}}\n", 2), "cluster b/a is in it twice", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t)
			f.write(t, test.content)
			_, err := f.Clusters()
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, f.Path)
			require.ErrorContains(t, f.CheckWritable(), test.says)
			require.ErrorContains(t, f.Keep(t.Context(), Cluster{Namespace: "ocne", Name: "demo", Management: Management{Kind: Embedded}}), test.says)
			require.ErrorContains(t, f.Forget(t.Context(), func(Cluster) bool { return true }), test.says)
			var foreign *ForeignError
			var format *FormatError
			if test.foreign {
				require.ErrorAs(t, err, &foreign)
			} else {
				require.ErrorAs(t, err, &format)
			}
			content, err := os.ReadFile(f.Path)
			require.NoError(t, err)
			require.Equal(t, test.content, string(content))
		})
	}
}

func TestWhatCannotBeWrittenIsFoundOutBefore(t *testing.T) {
	f := newFile(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	f.Path = filepath.Join(file, ".ocne", "clusters.yaml") // also for root, who may write into every directory
	require.ErrorContains(t, f.CheckWritable(), "not a directory")
}

func TestAManagementClusterIsNamedForPeople(t *testing.T) {
	require.Equal(t, "the embedded management cluster", Management{Kind: Embedded}.String())
	require.Equal(t, "https://192.0.2.1:6443 (kubeconfig /home/me/.kube/config, context prod)", external("").String())
	require.Equal(t, "the cluster itself (kubeconfig /k)", Management{Kind: Self, Files: []string{"/k"}}.String())
}
