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
	c.Init = initialization(body.Initialization)
	if err := featureChange(&c, body); err != nil {
		return c, err
	}
	return c, checkVMEnums(c, initializationEnums(body.Initialization)...)
}

// featureChange fills in what the body says of placement, devices and the like.
func featureChange(c *engine.VMChange, body *VM) error {
	c.Soundcard, c.StartPaused = (*bool)(body.SoundcardEnabled), (*bool)(body.StartPaused)
	c.CPUShares, c.MigrationDowntime = (*int64)(body.CPUShares), (*int64)(body.MigrationDowntime)
	c.CustomCPUModel, c.CustomEmulatedMachine = body.CustomCPUModel, body.CustomEmulatedMachine
	if p := body.PlacementPolicy; p != nil {
		c.Affinity = nonEmpty(p.Affinity)
		if p.Hosts != nil {
			c.PlacementHosts = engineRefs(p.Hosts.Host)
			for i := range p.Hosts.Host {
				if err := checkRefs(&p.Hosts.Host[i]); err != nil {
					return err
				}
			}
		}
	}
	if body.CustomProperties != nil {
		c.CustomProperties = []engine.CustomProperty{}
		for _, p := range body.CustomProperties.CustomProperty {
			c.CustomProperties = append(c.CustomProperties, engine.CustomProperty{Name: p.Name, Value: p.Value})
		}
	}
	if body.Console != nil {
		c.SerialConsole = (*bool)(body.Console.Enabled)
	}
	if body.VirtioSCSI != nil {
		c.VirtioSCSI = (*bool)(body.VirtioSCSI.Enabled)
	}
	if body.IO != nil {
		c.IOThreads = (*int64)(body.IO.Threads)
	}
	if body.TimeZone != nil {
		c.TimeZone = nonEmpty(body.TimeZone.Name)
	}
	if body.Display != nil && body.Display.Type != "" {
		c.Graphics = []string{body.Display.Type}
	}
	if given(body.InstanceType) {
		c.InstanceType = ptr(engineRef(body.InstanceType))
	}
	if body.Quota != nil && body.Quota.ID != "" {
		c.QuotaID = &body.Quota.ID
	}
	if body.Lease != nil {
		c.Lease = ptr(engineRef(body.Lease.StorageDomain))
		if err := checkRefs(body.Lease.StorageDomain); err != nil {
			return err
		}
	}
	return checkRefs(body.InstanceType, body.Quota)
}

func engineRefs(refs []Ref) []engine.Ref {
	out := make([]engine.Ref, 0, len(refs))
	for i := range refs {
		out = append(out, engineRef(&refs[i]))
	}
	return out
}

func checkVMEnums(c engine.VMChange, enums ...enum) error {
	enums = append(enums,
		enum{value(c.Type), "VmType", strings.Fields("desktop server high_performance")},
		enum{value(c.BIOSType), "BiosType", strings.Fields("cluster_default i440fx_sea_bios q35_ovmf q35_sea_bios q35_secure_boot")},
		enum{value(c.Architecture), "Architecture", strings.Fields("aarch64 ppc64 s390x undefined x86_64")},
		enum{value(c.CPUMode), "CpuMode", strings.Fields("custom host_model host_passthrough")},
		enum{value(c.Affinity), "VmAffinity", strings.Fields("migratable pinned user_migratable")},
	)
	for _, protocol := range c.Graphics {
		enums = append(enums, enum{protocol, "DisplayType", strings.Fields("spice vnc")})
	}
	for _, device := range c.BootDevices {
		enums = append(enums, enum{device, "BootDevice", strings.Fields("cdrom hd network")})
	}
	return checkEnums(enums...)
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
