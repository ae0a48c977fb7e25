package list

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

func TestFormats(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clusters := []cluster.Listed{
		{
			Name: "demo", Namespace: "olvm", Provider: "olvm", Phase: "Provisioned", Version: "v1.33.5", Endpoint: "https://192.0.2.160:6443",
			ControlPlane: cluster.Replicas{Ready: 3, Desired: 3}, Workers: cluster.Replicas{Ready: 1, Desired: 2}, Created: created,
			Management: record.Management{Kind: record.Embedded, Server: "https://127.0.0.1:40123", UID: "1-2"},
		},
		{Name: "new", Namespace: "olvm", Created: created, Management: record.Management{Kind: record.Self, Files: []string{"/k"}}},
		{
			Name: "old", Namespace: "olvm", Provider: "olvm", Phase: cluster.PhaseUnreachable, Message: "no route to host",
			Management: record.Management{Kind: record.Kubeconfig, Files: []string{"/m"}, Context: "c", Server: "https://192.0.2.1:6443"},
		},
	}
	for format, want := range map[output.Format]string{
		"": `NAME   NAMESPACE   PHASE         CONTROL PLANE   WORKERS   VERSION   AGE
demo   olvm        Provisioned   3/3             1/2       v1.33.5   90m
new    olvm        -             0/0             0/0       -         90m
old    olvm        Unreachable   -               -         -         -
`,
		"wide": `NAME   NAMESPACE   PHASE         CONTROL PLANE   WORKERS   VERSION   AGE   PROVIDER   ENDPOINT                   MANAGEMENT
demo   olvm        Provisioned   3/3             1/2       v1.33.5   90m   olvm       https://192.0.2.160:6443   the embedded management cluster
new    olvm        -             0/0             0/0       -         90m   -          -                          the cluster itself (kubeconfig /k)
old    olvm        Unreachable   -               -         -         -     olvm       -                          https://192.0.2.1:6443 (kubeconfig /m, context c)
`,
		"yaml": `- controlPlane:
    desired: 3
    ready: 3
  created: "2026-01-02T03:04:05Z"
  endpoint: https://192.0.2.160:6443
  management:
    kind: embedded
    server: https://127.0.0.1:40123
    uid: 1-2
  message: ""
  name: demo
  namespace: olvm
  phase: Provisioned
  provider: olvm
  version: v1.33.5
  workers:
    desired: 2
    ready: 1
- controlPlane:
    desired: 0
    ready: 0
  created: "2026-01-02T03:04:05Z"
  endpoint: ""
  management:
    files:
    - /k
    kind: self
  message: ""
  name: new
  namespace: olvm
  phase: ""
  provider: ""
  version: ""
  workers:
    desired: 0
    ready: 0
- controlPlane:
    desired: 0
    ready: 0
  created: "0001-01-01T00:00:00Z"
  endpoint: ""
  management:
    context: c
    files:
    - /m
    kind: kubeconfig
    server: https://192.0.2.1:6443
  message: no route to host
  name: old
  namespace: olvm
  phase: Unreachable
  provider: olvm
  version: ""
  workers:
    desired: 0
    ready: 0
`,
	} {
		t.Run(string(format), func(t *testing.T) {
			streams, out, told := iostreams.Buffers()
			o := &Options{Output: format, Environment: &cli.Environment{
				Streams: streams, Now: func() time.Time { return created.Add(90 * time.Minute) },
			}}
			require.NoError(t, o.print(clusters))
			require.Equal(t, want, out.String())
			if format.ForPrograms() {
				require.Empty(t, told.String())
			} else {
				require.Equal(t, "old (namespace olvm) is Unreachable: no route to host\n", told.String())
			}
		})
	}
}

func TestNoClustersIsAnEmptyArrayForPrograms(t *testing.T) {
	streams, out, told := iostreams.Buffers()
	o := &Options{Output: "json", Environment: &cli.Environment{Streams: streams}}
	require.NoError(t, o.print([]cluster.Listed{}))
	require.Equal(t, "[]\n", out.String())
	require.Empty(t, told.String())
}
