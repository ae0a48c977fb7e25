package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

const mixedImages = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}, {name: host2}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
templates:
  - {name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-1.33-boot}]}
  - {name: debian, osType: debian_7, biosType: q35_sea_bios, kubernetesVersion: v1.33.10, disks: [{alias: debian-1.33-boot}]}
`

// booted is what the engine tells a guest, as its API shows it.
type booted struct {
	OS struct {
		Type string `json:"type"`
	} `json:"os"`
	Initialization struct {
		CustomScript string `json:"custom_script"`
		HostName     string `json:"host_name"`
		DNSServers   string `json:"dns_servers"`
		DNSSearch    string `json:"dns_search"`
		NICs         struct {
			List []struct {
				Name         string `json:"name"`
				BootProtocol string `json:"boot_protocol"`
				IP           struct{ Address, Netmask, Gateway string }
			} `json:"nic_configuration"`
		} `json:"nic_configurations"`
	} `json:"initialization"`
}

func (w *world) booted(id string) (b booted) {
	w.t.Helper()
	require.NoError(w.t, json.Unmarshal(w.sim.Call(w.t, "GET", "/ovirt-engine/api/vms/"+id, nil), &b))
	return b
}

// Workers of an image with cloud-init are nodes beside those with Ignition.
func TestWorkersOfAnImageWithCloudInit(t *testing.T) {
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(mixedImages), 0o600))
	w := fleet{newWorld(t, "--inventory", inventory)}
	w.edit("workerNodes: 2", "workerNodes: 1")
	w.edit("name: demo\n", "name: demo\nproxy: {httpsProxy: 'http://proxy.example.com:3128'}\n"+
		"extraIgnitionInline: {variant: fcos, version: 1.5.0, storage: {files: [{path: /etc/site, mode: 0600, contents: {inline: here}}]}}\n")
	w.edit("workerMachine: *machine", `workerMachine: *machine
    workerPools:
      - name: cloud
        workerNodes: 1
        machine:
          vmTemplateName: debian
          format: cloud-config
          virtualMachine: {network: {searchDomains: [example.com], ntpServers: [ntp.example.com]}}`)
	release := w.sim.Inject(t, keepDocuments())
	w.ocne("cluster", "start", "--provider", "olvm", "-c", w.config)
	w.expectNodes(1, 2)
	c := w.management()

	t.Run("the engine tells the guest its name and network, and hands over the document as cloud-config", w.expectCloudInit)
	t.Run("the other machines boot with Ignition", func(t *testing.T) {
		for name, vm := range w.vms() {
			if b := w.booted(vm.ID); !strings.HasPrefix(name, "demo-cloud-") {
				require.Equal(t, "rhcos_x64", b.OS.Type)
				require.Empty(t, b.Initialization.HostName, "or the engine would write into the document")
				require.Empty(t, b.Initialization.NICs.List)
			}
		}
	})
	release()
	t.Run("the document is cleared in the engine when the node has joined", func(t *testing.T) {
		programs.Eventually(t, "no document is left", func() (bool, string) {
			return w.booted(w.cloudVM().ID).Initialization.CustomScript == "", "it is still there"
		})
	})
	t.Run("a machine waits for another template when its own is known to have another kind of image", func(t *testing.T) { w.expectMismatch(t, c) })
	t.Run("Ignition beside cloud-config is refused", func(t *testing.T) {
		w.changePool(t, c, "debian", `{"inline":"{\"ignition\":{\"version\":\"3.4.0\"}}"}`, 3)
		name := w.expectWaiting(t, c, infrav1.InvalidSpecReason, "use files, users and preKubeadmCommands of the KubeadmConfig")
		w.changeMachine(t, c, name, `{"spec":{"ignition":null}}`)
		w.expectCloudVMs(t, 3)
	})
	w.ocne("cluster", "delete", "-c", w.config)
	require.Empty(t, w.vms())
}

// expectCloudInit reads back what the engine holds for the guest of the worker with cloud-init.
func (w fleet) expectCloudInit(t *testing.T) {
	vm := w.cloudVM()
	b := w.booted(vm.ID)
	require.Equal(t, "debian_7", b.OS.Type, "the template's own")
	require.Equal(t, vm.Name, b.Initialization.HostName)
	require.Equal(t, w.subnet()+".1", b.Initialization.DNSServers)
	require.Equal(t, "example.com", b.Initialization.DNSSearch)
	require.Len(t, b.Initialization.NICs.List, 1)
	nic := b.Initialization.NICs.List[0]
	require.Equal(t, []string{"enp1s0", "static", "255.255.255.0", w.subnet() + ".1"},
		[]string{nic.Name, nic.BootProtocol, nic.IP.Netmask, nic.IP.Gateway})
	require.Contains(t, vm.Comment, nic.IP.Address, "the address that the machine has won")
	var document struct {
		WriteFiles []struct{ Path, Content string } `json:"write_files"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(b.Initialization.CustomScript), &document))
	files := map[string]string{}
	for _, f := range document.WriteFiles {
		files[f.Path] = f.Content
	}
	require.Contains(t, files["/run/kubeadm/kubeadm-join-config.yaml"], "olvm://"+vm.ID)
	require.Equal(t, "here", strings.TrimSpace(files["/etc/site"]))
	require.Contains(t, files["/etc/systemd/system/containerd.service.d/proxy.conf"], "proxy.example.com:3128")
}

// keepDocuments keeps the controllers from clearing boot documents.
func keepDocuments() olvmsim.Fault {
	return olvmsim.Fault{Match: olvmsim.Match{Method: http.MethodPut, Path: "vms/*"}, Effect: olvmsim.Effect{Kind: olvmsim.Locked}}
}

func (w fleet) cloudVM() ovirt.VM {
	w.t.Helper()
	for name, vm := range w.vms() {
		if strings.HasPrefix(name, "demo-cloud-") {
			return vm
		}
	}
	require.Fail(w.t, "there is no VM of the pool cloud")
	return ovirt.VM{}
}

func (w fleet) expectCloudVMs(t *testing.T, n int) {
	t.Helper()
	programs.Eventually(t, fmt.Sprintf("the pool has %d VMs that run", n), func() (bool, string) {
		running := 0
		for name, vm := range w.vms() {
			if strings.HasPrefix(name, "demo-cloud-") && vm.Status == ovirt.StatusUp {
				running++
			}
		}
		return running == n, fmt.Sprint(running)
	})
}

// expectMismatch gives a further worker a template that ocne made for Ignition, and then a right one.
func (w fleet) expectMismatch(t *testing.T, c client.Client) {
	t.Helper()
	mark := machine.ImageMark{Digest: "sha256:0123", Template: "ours"}
	w.makeTemplate(t, "ours", mark.Text())
	w.changePool(t, c, "ours", "null", 2)
	name := w.expectWaiting(t, c, infrav1.ImageMismatchReason, `template "ours" holds an image that boots with ignition`)
	require.NotContains(t, w.vms(), name)
	w.changeMachine(t, c, name, `{"spec":{"vmTemplateName":"debian"}}`)
	w.expectCloudVMs(t, 2)
}

// makeTemplate makes a template as people make them: of a VM.
func (w fleet) makeTemplate(t *testing.T, name, comment string) {
	t.Helper()
	ctx := t.Context()
	dataCenter, err := w.engine.DataCenterByName(ctx, "Default")
	require.NoError(t, err)
	place, err := w.engine.ClusterByName(ctx, dataCenter.ID, "Default")
	require.NoError(t, err)
	from, err := w.engine.TemplateByName(ctx, dataCenter.ID, "debian")
	require.NoError(t, err)
	vm, err := w.engine.AddVM(ctx, ovirt.AddVM{ID: uuid.NewString(), Name: "for-template", ClusterID: place.ID, TemplateID: from.ID}, "for-template")
	require.NoError(t, err)
	programs.Eventually(t, "the template is made", func() (bool, string) {
		if _, err := w.engine.TemplateByName(ctx, dataCenter.ID, name); err == nil {
			return true, ""
		}
		_, err := w.engine.AddTemplate(ctx, ovirt.AddTemplate{Name: name, Comment: comment, VMID: vm.ID}, "template")
		return false, fmt.Sprint(err)
	})
	w.removeVM(vm.ID)
}

// changePool changes what new machines of the pool are made from, and how many there are.
func (w fleet) changePool(t *testing.T, c client.Client, template, ignition string, replicas int) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"vmTemplateName":%q,"ignition":%s}}}}`, template, ignition)
	object := &infrav1.OLVMMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "demo-cloud"}}
	require.NoError(t, c.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))))
	deployment := &clusterv1.MachineDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "demo-cloud"}}
	patch = fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	require.NoError(t, c.Patch(t.Context(), deployment, client.RawPatch(types.MergePatchType, []byte(patch))))
}

func (w fleet) changeMachine(t *testing.T, c client.Client, name, patch string) {
	t.Helper()
	object := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: name}}
	require.NoError(t, c.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// expectWaiting waits for a machine that has a reason not to be made, and returns its name.
func (w fleet) expectWaiting(t *testing.T, c client.Client, reason, message string) (name string) {
	t.Helper()
	programs.Eventually(t, "a machine waits: "+reason, func() (bool, string) {
		for n, m := range (site{c, t}).machines() {
			condition := conditions.Get(&m, infrav1.VMReadyCondition)
			if condition != nil && condition.Reason == reason {
				require.Contains(t, condition.Message, message)
				name = n
				return true, ""
			}
		}
		return false, "none"
	})
	return name
}
