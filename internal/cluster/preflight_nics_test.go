package cluster

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	installation "github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func storageEngine(t *testing.T) *olvmsim.Simulator {
	contents := installation.Default()
	contents.Networks = append(contents.Networks, installation.Network{Name: "storage"})
	contents.VNICProfiles = append(contents.VNICProfiles, installation.VNICProfile{Name: "storage"},
		installation.VNICProfile{Name: "sriov", Network: "storage", PassThrough: true})
	contents.Templates[0].NICs = []installation.NIC{{Name: "nic2"}}
	return olvmsim.New(t, olvmsim.Options{Inventory: &contents})
}

func storageNIC() infrav1.AdditionalNIC {
	return infrav1.AdditionalNIC{
		VNICName: "nic2", NetworkName: "storage", VNICProfileName: "storage", Interface: "enp2s0",
		IPv4: &infrav1.IPv4{Subnet: "198.51.100.0/24", IPAddresses: []string{"198.51.100.10-198.51.100.11"}},
	}
}

func TestAdditionalNICsAreCheckedBeforeAnythingIsMade(t *testing.T) {
	const key = "providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs[0]."
	type rule struct {
		change     func(*infrav1.AdditionalNIC)
		check      preflight.Check
		key, cause string
	}
	for name, tc := range map[string]rule{
		"all is there": {change: func(*infrav1.AdditionalNIC) {}},
		"no such network": {
			func(n *infrav1.AdditionalNIC) { n.NetworkName = "storge" }, preflight.Network, "networkName", `sees no network "storge"; it sees "storage"`,
		},
		"no such profile": {
			func(n *infrav1.AdditionalNIC) { n.VNICProfileName = "fast" }, preflight.VNICProfile, "vnicProfileName", `of network "storage"`,
		},
		"a device as a virtio NIC": {
			func(n *infrav1.AdditionalNIC) { n.VNICProfileName = "sriov" }, preflight.VNICProfile, "vnicProfileName", "do not go together",
		},
		"a device that is passed": {change: func(n *infrav1.AdditionalNIC) { n.VNICProfileName, n.InterfaceType = "sriov", "pci_passthrough" }},
		"no device to pass": {
			func(n *infrav1.AdditionalNIC) { n.InterfaceType = "pci_passthrough" }, preflight.VNICProfile, "vnicProfileName", "do not go together",
		},
	} {
		t.Run(name, func(t *testing.T) {
			engine, s := storageEngine(t), newSite(t)
			o := order(t, engine)
			nic := storageNIC()
			tc.change(&nic)
			o.Config.OLVM.ControlPlaneMachine.VirtualMachine.AdditionalNICs = []infrav1.AdditionalNIC{nic}
			o.Config.WorkerNodes = 0
			findings, err := Preflight(t.Context(), PreflightOptions{Config: o.Config, Management: o.Management, Getenv: o.Getenv}, s.report)
			require.NoError(t, err)
			findings = preflight.Without(findings, preflight.Template) // workers have no use for the template's NIC
			if tc.check == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, tc.check, findings[0].Check)
			require.Equal(t, key+tc.key, findings[0].Subject)
			require.Contains(t, findings[0].Cause, tc.cause)
		})
	}
}

func TestAddressesOfASecondNetworkThatOthersHaveAreCounted(t *testing.T) {
	engine, s := storageEngine(t), newSite(t)
	o := order(t, engine)
	client, err := ovirt.New(ovirt.Config{URL: engine.URL(), Username: engine.Username(), Password: engine.Password(), CA: engine.CA()})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	dataCenter, err := client.DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	network, err := client.NetworkByName(t.Context(), dataCenter.ID, "storage")
	require.NoError(t, err)
	clusters, err := client.Clusters(t.Context(), dataCenter.ID)
	require.NoError(t, err)
	template, err := client.TemplateByName(t.Context(), dataCenter.ID, "ock")
	require.NoError(t, err)
	mark := machine.Mark{Cluster: "other/prod", Machine: "other/m", Network: "n", Additional: []machine.NICAddresses{{
		NIC: "nic9", Network: network.ID, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.100.11")},
	}}}
	_, err = client.AddVM(t.Context(), ovirt.AddVM{
		ID: uuid.NewString(), Name: "theirs", Comment: mark.Comment(), ClusterID: clusters[0].ID, TemplateID: template.ID,
		Memory: 1 << 30, GuaranteedMemory: 1 << 30, MaxMemory: 1 << 30, CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1},
	}, "theirs")
	require.NoError(t, err)
	o.Config.OLVM.ControlPlaneMachine.VirtualMachine.AdditionalNICs = []infrav1.AdditionalNIC{storageNIC()}
	findings, err := Preflight(t.Context(), PreflightOptions{Config: o.Config, Management: o.Management, Getenv: o.Getenv}, s.report)
	require.NoError(t, err)
	findings = preflight.Without(findings, preflight.Template)
	require.Len(t, findings, 1)
	require.Equal(t, "providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs[0].ipv4.ipAddresses", findings[0].Subject)
	require.Contains(t, findings[0].Cause, "198.51.100.10 by VM theirs of cluster other/prod")
}

func TestPoolsOfAdditionalNICsMayChange(t *testing.T) {
	of := func(nics ...infrav1.AdditionalNIC) *infrav1.OLVMMachineTemplate {
		template := &infrav1.OLVMMachineTemplate{}
		template.Spec.Template.Spec.VirtualMachine.AdditionalNICs = nics
		return template
	}
	larger := storageNIC()
	larger.IPv4 = &infrav1.IPv4{Subnet: "198.51.100.0/24", IPAddresses: []string{"198.51.100.10-198.51.100.99"}}
	require.Equal(t, of(larger), withPoolsOf(of(larger), of(storageNIC())))
	moved := larger
	moved.NetworkName = "backup"
	require.NotEqual(t, of(moved), withPoolsOf(of(moved), of(storageNIC())))
	without := storageNIC()
	without.IPv4 = nil
	require.Equal(t, of(without), withPoolsOf(of(larger), of(without)), "a NIC without addresses gets none")
	require.Equal(t, of(), withPoolsOf(of(larger), of()))
}
