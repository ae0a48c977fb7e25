package e2e

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"text/template"

	"github.com/stretchr/testify/require"
)

const clusterFile = `
name: {{.Name}}
provider: olvm
kubernetesVersion: "{{.Version}}"
controlPlaneNodes: {{.ControlPlane}}
workerNodes: {{.Workers}}
virtualIp: {{.VirtualIP}}
{{- if .DualStack}}
podSubnet: 10.244.0.0/16,fd00:10:244::/56
serviceSubnet: 10.96.0.0/12,fd00:10:96::/112
{{- end}}
headless: true
catalog: false
providers:
  olvm:
    {{- with .Namespace}}
    namespace: {{.}}
    {{- end}}
    olvmDatacenterName: Default
    selfManaged: {{.SelfManaged}}
    ovirtCsiDriver: {install: false}
    olvmOvirtAPIServer:
      serverURL: {{.URL}}
      serverCAPath: {{.CA}}
    controlPlaneMachine: &machine
      olvmOvirtClusterName: Default
      vmTemplateName: node-{{.Version}}
      imageProfile: {{.Profile}}
      olvmNetwork: {networkName: ovirtmgmt, vnicProfileName: ovirtmgmt}
      virtualMachine:
        memory: 2GB
        network:
          gateway: {{.Net}}.1
          ipv4: {subnet: {{.Net}}.0/24, ipAddresses: "{{.Net}}.{{.First}}-{{.Net}}.{{.Last}}"}
          {{- if .DualStack}}
          ipv6: {ipAddresses: "fd77::{{.First}}-fd77::{{.Last}}", prefixLength: 64, gateway: "fd77::1"}
          {{- end}}
          nameservers: [{{.Net}}.1]
    workerMachine: *machine
`

// site says what a cluster is made of.
type site struct {
	Name, Version, Profile string
	ControlPlane, Workers  int
	VIP, First, Last       int // last numbers of addresses
	DualStack              bool
	// Namespace of its objects; that of ocne when empty.
	Namespace   string
	SelfManaged bool
	// FromNodes says that controllers on nodes look after it, of this cluster or of another one: they reach the engine at another URL.
	FromNodes bool
}

// VirtualIP is the address of the cluster's API.
func (s site) VirtualIP() string { return network + "." + strconv.Itoa(s.VIP) }

// endpoint is where the API answers.
func (s site) endpoint() string { return net.JoinHostPort(s.VirtualIP(), "6443") }

// demo is what most stories begin with.
func demo() site {
	return site{Name: "demo", Version: "1.34.4", Profile: "ock", ControlPlane: 1, Workers: 1, VIP: 100, First: 110, Last: 139}
}

// write writes the cluster file.
func (w *world) write(s site) (path string) {
	w.t.Helper()
	var file bytes.Buffer
	url := w.sim.URL
	if s.SelfManaged || s.FromNodes {
		url = w.sim.GuestURL
	}
	require.NoError(w.t, template.Must(template.New("").Parse(clusterFile)).Execute(&file, struct {
		site
		Net, URL, CA string
	}{s, network, url, w.sim.CAFile}))
	path = filepath.Join(w.home, s.Name+".yaml")
	require.NoError(w.t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}
