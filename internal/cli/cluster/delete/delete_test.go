package delete

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

func TestArguments(t *testing.T) {
	name, provider := "demo", "olvm"
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":    {nil, &Options{}},
		"by name": {[]string{"-C", "demo", "-k", "k"}, &Options{Kubeconfig: "k", Flags: config.Flags{Name: &name}}},
		"by configuration": {
			[]string{"-c", "c", "-P", "olvm", "--timeout", "1h"},
			&Options{ConfigFile: "c", Timeout: time.Hour, Flags: config.Flags{Provider: &provider}},
		},
		"of an engine that is gone": {[]string{"-C", "demo", "--abandon"}, &Options{Abandon: true, Flags: config.Flags{Name: &name}}},
		"on a libvirt host":         {[]string{"-P", "libvirt", "-s", "here"}, &Options{Flags: config.Flags{Provider: new("libvirt"), LibvirtURI: new("here")}}},
		"another provider":          {[]string{"-P", "oci"}, nil},
		"a name without a flag":     {[]string{"demo"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func TestWhatAnAbandonedClusterLeavesIsListed(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printLeft(&out, "demo", []cluster.AbandonedVM{
		{ID: "id-1", Name: "demo-control-plane-a", Status: "up", Addresses: []string{"192.0.2.7", "2001:db8::7"}}, {ID: "id-2", Name: "demo-md-0-b"},
	}))
	require.Equal(t, `VMs of cluster demo that may still be in the engine, with their disks and addresses:
VM                     LAST STATUS   ADDRESSES               ID
demo-control-plane-a   up            192.0.2.7,2001:db8::7   id-1
demo-md-0-b            -             -                       id-2
If the engine comes back, 'ocne cluster orphans' finds them.
`, out.String())
}

func TestADeletionThatWaitedForItsEngineNamesTheWayOut(t *testing.T) {
	for gone, want := range map[bool]bool{true: true, false: false} {
		err := advised("demo", &cluster.UnfinishedError{Err: context.Canceled, Applied: true, EngineGone: gone})
		var with *cluster.AdvisedError
		require.ErrorAs(t, err, &with)
		require.Equal(t, want, bytes.Contains([]byte(with.Advice), []byte("--abandon")))
	}
}
