package config

import (
	"fmt"
	"iter"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
)

const (
	controlPlaneKey = "providers.olvm.controlPlaneMachine"
	workerKey       = "providers.olvm.workerMachine"
)

// Lengths of the engine's names, which OLVMMachine and OLVMCluster repeat.
const (
	maxDataCenterName  = 40
	maxOvirtCluster    = 40
	maxTemplateName    = 255
	maxNetworkName     = 256
	maxVNICProfileName = 50
	maxVNICName        = 50
	maxStorageDomain   = 50
)

// The largest topology that the engine makes.
const (
	maxCores   = 254
	maxSockets = 16
	maxThreads = 8
)

// machines yields all groups with their key paths.
func (c *Config) machines() iter.Seq2[string, Machine] {
	return func(yield func(string, Machine) bool) {
		goOn := yield(controlPlaneKey, c.OLVM.ControlPlaneMachine)
		for _, p := range c.Pools() {
			goOn = goOn && yield(p.key, p.Machine)
		}
	}
}

func (v *validator) machines() {
	v.failureDomains()
	for key, m := range v.config.machines() {
		v.placement(key, m)
		for _, name := range []struct {
			key, value, what string
			length           int
		}{
			{".olvmOvirtClusterName", v.config.HostCluster(m, key == controlPlaneKey), "the name of the engine's (host) cluster, such as Default", maxOvirtCluster},
			{".olvmNetwork.networkName", m.OLVMNetwork.NetworkName, "the engine's logical network, such as ovirtmgmt", maxNetworkName},
			{".olvmNetwork.vnicProfileName", m.OLVMNetwork.VNICProfileName, "the vNIC profile of that network, such as ovirtmgmt", maxVNICProfileName},
		} {
			if v.required(key+name.key, name.value, name.what) {
				v.atMost(key+name.key, name.value, name.length)
			}
		}
		v.atMost(key+".olvmNetwork.vnicName", m.OLVMNetwork.VNICName, maxVNICName)
		if _, err := boot.LoadImage(m.ImageProfile); err != nil {
			v.report(key+".imageProfile", "%v", err)
		}
		v.vmTemplate(key, m)
		v.tags(key+".tags", m.Tags)
		v.format(key, m)
		v.virtualMachine(key+".virtualMachine", m.VirtualMachine)
		v.additionalNICs(key+".virtualMachine.", m)
	}
	v.virtualIPInPools()
	v.poolSizes()
}

func (v *validator) virtualMachine(key string, vm infrav1.VirtualMachine) {
	v.vmShape(key, vm)
	v.atMost(key+".storageDomainName", vm.StorageDomainName, maxStorageDomain)
	for _, p := range vm.DiskProblems() {
		v.report(key+"."+p.Field, "%s", p.Problem)
	}
	for i, d := range vm.DataDisks {
		v.atMost(fmt.Sprintf("%s.dataDisks[%d].storageDomainName", key, i), d.StorageDomainName, maxStorageDomain)
	}
	t := vm.CPU.Topology
	for _, part := range []struct {
		name       string
		n, largest int32
	}{{"cores", t.Cores, maxCores}, {"sockets", t.Sockets, maxSockets}, {"threads", t.Threads, maxThreads}} {
		if part.n < 0 || part.n > part.largest {
			v.report(key+".cpu.topology."+part.name, "is %d: write 0 for the default, or 1 to %d", part.n, part.largest)
		}
	}
	v.guestNetwork(key+".network", vm.Network)
}
