package orphans

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":         {nil, &Options{}},
		"for programs": {[]string{"-c", "c", "-k", "k", "-o", "yaml"}, &Options{ConfigFile: "c", Kubeconfig: "k", Output: output.YAML}},
		"some clusters are removed": {
			[]string{"--cluster", "a/b", "--cluster", "a/c,d/e", "--remove", "-y", "--timeout", "1m"},
			&Options{Clusters: []string{"a/b", "a/c", "d/e"}, Remove: true, Yes: true, Timeout: time.Minute},
		},
		"a cluster without its namespace": {[]string{"--cluster", "demo"}, nil},
		"a cluster of three parts":        {[]string{"--cluster", "a/b/c"}, nil},
		"a cluster without a name":        {[]string{"--cluster", "a/"}, nil},
		"an answer to no question":        {[]string{"--yes"}, nil},
		"a name without a flag":           {[]string{"demo"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func found() []cluster.Orphan {
	return []cluster.Orphan{
		{ID: "id-1", Name: "demo-md-0-a", Status: "up", Cluster: "ocne/demo", Machine: "ocne/demo-md-0-a", Addresses: []string{"192.0.2.7"}, Known: true},
		{ID: "id-2", Name: "demo-md-0-b-5d3c0", Status: "down", Cluster: "ocne/demo", Machine: "ocne/demo-md-0-b", Addresses: []string{}, Known: true},
		{ID: "id-3", Name: "moving", Status: "up", Cluster: "ocne/moving", Machine: "ocne/moving", Known: true, Paused: true},
		{ID: "id-4", Name: "prod-x", Status: "up", Cluster: "other/prod", Machine: "other/prod-x", Addresses: []string{"192.0.2.9", "2001:db8::9"}},
	}
}

func options(answer string) (o *Options, out, errOut *bytes.Buffer) {
	streams, out, errOut := iostreams.Buffers()
	streams.In, streams.InIsTerminal = bytes.NewBufferString(answer), true
	return &Options{Environment: &cli.Environment{Streams: streams}}, out, errOut
}

func TestOrphansAreListedByCluster(t *testing.T) {
	o, out, _ := options("")
	require.NoError(t, o.print(found()))
	require.Equal(t, `Cluster ocne/demo, which this management cluster manages
VM                                             STATUS   ADDRESSES   ID
demo-md-0-a                                    up       192.0.2.7   id-1
demo-md-0-b-5d3c0 (machine ocne/demo-md-0-b)   down     -           id-2

Cluster ocne/moving, which is paused: it may be on its way to or from another management cluster
VM       STATUS   ADDRESSES   ID
moving   up       -           id-3

Cluster other/prod, which this management cluster does not know: another one may manage it
VM       STATUS   ADDRESSES               ID
prod-x   up       192.0.2.9,2001:db8::9   id-4
`, out.String())
}

func TestThatThereAreNoneIsSaidToPeopleOnly(t *testing.T) {
	o, out, errOut := options("")
	require.NoError(t, o.print([]cluster.Orphan{}))
	require.Empty(t, out.String())
	require.Contains(t, errOut.String(), "No orphans")
	o.Output = output.JSON
	require.NoError(t, o.print([]cluster.Orphan{}))
	require.Equal(t, "[]\n", out.String())
}

func TestNothingIsRemovedWithoutAnAnswer(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		o, out, errOut := options(answer)
		confirmed, err := o.confirm(t.Context(), found(), found()[:2])
		require.NoError(t, err)
		require.Equal(t, want, confirmed, "answer %q", answer)
		require.Contains(t, errOut.String(), "Remove demo-md-0-a, demo-md-0-b-5d3c0, with their own disks? [y/N] ")
		require.Contains(t, errOut.String(), "other/prod, which this management cluster does not know", "all are shown before")
		require.Empty(t, out.String())
	}
	o, _, errOut := options("y\n")
	confirmed, err := o.confirm(t.Context(), found()[2:], nil)
	require.NoError(t, err)
	require.False(t, confirmed)
	require.NotContains(t, errOut.String(), "[y/N]", "there is nothing to ask")

	o, _, errOut = options("")
	o.Yes = true
	confirmed, err = o.confirm(t.Context(), found(), found()[:2])
	require.NoError(t, err)
	require.True(t, confirmed)
	require.NotContains(t, errOut.String(), "[y/N]")
}

func TestAnInterruptIsNoAnswer(t *testing.T) {
	o, _, _ := options("")
	in, writer := io.Pipe()
	defer writer.Close()
	o.Environment.Streams.In = in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	confirmed, err := o.confirm(ctx, found(), found()[:1])
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, confirmed)
}

func TestRemovingWithoutATerminalNeedsYes(t *testing.T) {
	o, _, _ := options("")
	o.Environment.Streams.InIsTerminal, o.Remove = false, true
	err := Run(t.Context(), o)
	require.ErrorContains(t, err, "give --yes")
	require.Equal(t, cli.ExitUsage, cli.ExitCode(err))
}

func TestWhatBecameOfEachIsSaid(t *testing.T) {
	o, out, _ := options("")
	o.Remove = true
	all := found()
	all[0].Removed, all[3].Message = true, "this management cluster does not know its cluster"
	require.NoError(t, o.print(all))
	require.Contains(t, out.String(), "demo-md-0-a                                    ocne/demo     removed\n")
	require.Regexp(t, `\nprod-x +other/prod +still there: this management cluster does not know its cluster\n$`, out.String())
}
