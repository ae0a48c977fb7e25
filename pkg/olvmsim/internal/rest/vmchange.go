package rest

import (
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// vmChange is what the body of a POST or PUT says.
func vmChange(body *VM) (engine.VMChange, error) {
	c := engine.VMChange{
		Name: body.Name, Description: body.Description, Comment: body.Comment, Type: body.Type,
		Memory: (*int64)(body.Memory), Stateless: (*bool)(body.Stateless), DeleteProtected: (*bool)(body.DeleteProtected),
	}
	if p := body.MemoryPolicy; p != nil {
		c.GuaranteedMemory, c.MaxMemory, c.Ballooning = (*int64)(p.Guaranteed), (*int64)(p.Max), (*bool)(p.Ballooning)
	}
	if p := body.CPU; p != nil {
		c.Architecture, c.CPUMode = nonEmpty(p.Architecture), nonEmpty(p.Mode)
		if p.Topology != nil {
			c.Sockets, c.Cores, c.Threads = (*int64)(p.Topology.Sockets), (*int64)(p.Topology.Cores), (*int64)(p.Topology.Threads)
		}
	}
	if p := body.OS; p != nil {
		c.OSType = nonEmpty(p.Type)
		if p.Boot != nil && p.Boot.Devices != nil {
			c.BootDevices = p.Boot.Devices.Device
		}
	}
	if p := body.BIOS; p != nil {
		c.BIOSType = nonEmpty(p.Type)
	}
	if p := body.HighAvailability; p != nil {
		c.HighlyAvailable, c.HAPriority = (*bool)(p.Enabled), (*int64)(p.Priority)
	}
	if p := body.PlacementPolicy; p != nil {
		c.Affinity = nonEmpty(p.Affinity)
	}
	c.Init = initialization(body.Initialization)
	return c, checkVMEnums(c)
}

func checkVMEnums(c engine.VMChange) error {
	enums := []enum{
		{value(c.Type), "VmType", strings.Fields("desktop server high_performance")},
		{value(c.BIOSType), "BiosType", strings.Fields("cluster_default i440fx_sea_bios q35_ovmf q35_sea_bios q35_secure_boot")},
		{value(c.Architecture), "Architecture", strings.Fields("aarch64 ppc64 s390x undefined x86_64")},
		{value(c.CPUMode), "CpuMode", strings.Fields("custom host_model host_passthrough")},
		{value(c.Affinity), "VmAffinity", strings.Fields("migratable pinned user_migratable")},
	}
	for _, device := range c.BootDevices {
		enums = append(enums, enum{device, "BootDevice", strings.Fields("cdrom hd network")})
	}
	return checkEnums(enums...)
}

func initialization(body *Initialization) *engine.Initialization {
	if body == nil {
		return nil
	}
	return &engine.Initialization{
		CustomScript: body.CustomScript, HostName: body.HostName, UserName: body.UserName, RootPassword: body.RootPassword,
		AuthorizedSSHKeys: body.AuthorizedSSHKeys, Timezone: body.Timezone, DNSServers: body.DNSServers, DNSSearch: body.DNSSearch,
		NetworkProtocol: body.CloudInitNetworkProtocol, RegenerateSSHKeys: (*bool)(body.RegenerateSSHKeys),
		NICConfigurations: body.NICConfigurations,
	}
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
