package programs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

const clusterFile = `
name: demo
provider: olvm
kubernetesVersion: "1.33"
controlPlaneNodes: {{.ControlPlane}}
workerNodes: {{.Workers}}
virtualIp: {{.Net}}.100
providers:
  olvm:
    olvmDatacenterName: Default
    olvmOvirtAPIServer:
      serverURL: {{.URL}}
      serverCAPath: {{.CA}}
    controlPlaneMachine: &machine
      olvmOvirtClusterName: Default
      vmTemplateName: ock
      olvmNetwork: {networkName: ovirtmgmt, vnicProfileName: ovirtmgmt}
      virtualMachine:
        memory: 2GB
        network:
          ipv4: {subnet: {{.Net}}.0/24, ipAddresses: "{{.Net}}.110-{{.Net}}.139"}
          nameservers: [{{.Net}}.1]
    workerMachine: *machine
`

// WriteClusterFile writes the configuration of a cluster called demo on an engine; its addresses are of the loopback network and
// differ from test to test.
func WriteClusterFile(t testing.TB, dir string, e *Engine, controlPlane, workers int) (path string) {
	t.Helper()
	network := fmt.Sprintf("127.%d.%d", 64+rand.IntN(64), rand.IntN(256)) //nolint:gosec // not a secret
	return WriteClusterFileIn(t, dir, e, network, controlPlane, workers)
}

// WriteClusterFileIn is WriteClusterFile with addresses of a /24 network: the first three octets.
func WriteClusterFileIn(t testing.TB, dir string, e *Engine, network string, controlPlane, workers int) (path string) {
	t.Helper()
	var file bytes.Buffer
	err := template.Must(template.New("").Parse(clusterFile)).Execute(&file, map[string]any{
		"Net": network, "URL": e.URL, "CA": e.CAFile,
		"ControlPlane": controlPlane, "Workers": workers,
	})
	require.NoError(t, err)
	path = filepath.Join(dir, "demo.yaml")
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}
