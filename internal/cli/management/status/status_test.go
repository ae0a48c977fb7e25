package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":              {nil, &Options{}},
		"a format":          {[]string{"-o", "json"}, &Options{Output: output.JSON}},
		"an unknown format": {[]string{"-o", "wide"}, nil},
		"a name":            {[]string{"demo"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}

func TestFormats(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	running := &cluster.ManagementStatus{
		State: cluster.ManagementRunning, Kept: true, Directory: "/h/.ocne/management", Bytes: 70_000_000, Server: "https://127.0.0.1:1",
		Kubeconfig: "/h/k", Since: &since, Versions: &cluster.ManagementVersions{Kubernetes: "v1.36.3", Provider: "v1.2.3"},
		Processes:  []embedded.Process{{Name: "manager", PID: 7, Since: since, Log: "/h/manager.log"}},
		LastBackup: &backup.File{Path: "/h/b.age", Created: since.Add(time.Hour)},
		Clusters:   []cluster.Listed{{Name: "demo", Namespace: "ocne", Phase: "Provisioned", Version: "v1.33.5", Created: since}},
	}
	for title, test := range map[string]struct {
		status *cluster.ManagementStatus
		want   string
	}{
		"running": {running, `State:        running, started 90m ago; stays until 'ocne management stop'
API:          https://127.0.0.1:1
Versions:     Kubernetes v1.36.3, OLVM provider v1.2.3
Kubeconfig:   /h/k
Directory:    /h/.ocne/management (70 MB)
Last backup:  /h/b.age, 30m ago
Process:      manager 7, log /h/manager.log

NAME   NAMESPACE   PHASE         CONTROL PLANE   WORKERS   VERSION   AGE
demo   ocne        Provisioned   0/0             0/0       v1.33.5   90m
`},
		"absent": {&cluster.ManagementStatus{State: cluster.ManagementAbsent}, "State:  absent\n"},
		"degraded": {
			&cluster.ManagementStatus{State: cluster.ManagementDegraded, Problem: "no answer", Directory: "/d"},
			"State:      degraded\nProblem:    no answer\nDirectory:  /d (0 MB)\n",
		},
	} {
		t.Run(title, func(t *testing.T) {
			streams, out, _ := iostreams.Buffers()
			o := &Options{Environment: &cli.Environment{Streams: streams, Now: func() time.Time { return since.Add(90 * time.Minute) }}}
			require.NoError(t, o.print(test.status))
			require.Equal(t, test.want, out.String())
		})
	}
}
