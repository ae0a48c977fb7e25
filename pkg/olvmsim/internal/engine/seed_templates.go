package engine

import (
	"cmp"
	"fmt"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

func (e *Engine) seedTemplates(inv inventory.Inventory) error {
	blank := inventory.Template{OSType: "other", VMType: "server", MemoryBytes: gib, Cores: 1}
	e.templates[BlankTemplateID] = &Template{
		ID: BlankTemplateID, Name: "Blank", Description: "Blank template", ClusterID: e.clusters[0].ID, Status: StatusOK,
		Version: 1, BaseID: BlankTemplateID, CreationTime: e.timeline.now(), Hardware: defaultHardware(blank),
	}
	e.templates[BlankTemplateID].Soundcard = true
	for _, t := range inv.Templates {
		if err := e.seedTemplate(t); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) seedTemplate(t inventory.Template) error {
	what := "template " + t.Name
	if t.Status != "" {
		if err := checkStatus("inventory: template", t.Name, t.Status, templateStatuses); err != nil {
			return err
		}
	}
	cluster, err := e.seedCluster(what, t.Cluster)
	if err != nil {
		return err
	}
	template := &Template{
		Name: t.Name, Description: t.Description, ClusterID: cluster.ID, Status: cmp.Or(t.Status, StatusOK), Version: cmp.Or(t.Version, 1),
		CreationTime: e.timeline.now(), Hardware: defaultHardware(t), KubernetesVersion: t.KubernetesVersion,
	}
	key := t.Name // what the ids are derived from
	if template.Version > 1 {
		key = fmt.Sprintf("%s/version/%d", t.Name, template.Version)
	}
	template.ID = stableID(t.ID, "template", key)
	if template.BaseID, err = e.baseVersion(template); err != nil {
		return fmt.Errorf("inventory: %s: %w", what, err)
	}
	if err := e.seedTemplateDevices(template, t, key); err != nil {
		return err
	}
	e.templates[template.ID] = template
	return nil
}

// baseVersion finds the first version of the template, which may be this one.
func (e *Engine) baseVersion(t *Template) (id string, err error) {
	for _, other := range e.templates {
		switch {
		case other.Name != t.Name:
		case other.Version == t.Version:
			return "", fmt.Errorf("version %d is there twice", t.Version)
		case other.Version == 1:
			id = other.ID
		}
	}
	if id == "" && t.Version > 1 {
		return "", fmt.Errorf("version %d must follow version 1 in the file", t.Version)
	}
	return cmp.Or(id, t.ID), nil
}

func (e *Engine) seedTemplateDevices(template *Template, t inventory.Template, key string) error {
	what := "template " + t.Name
	for i, d := range t.Disks {
		alias := cmp.Or(d.Alias, fmt.Sprintf("%s_Disk%d", t.Name, i+1))
		sd, err := find(e.storageDomains, what, "storage domain", d.StorageDomain, func(s StorageDomain) string { return s.Name })
		if err != nil {
			return err
		}
		disk := &Disk{
			ID: stableID(d.ID, "disk", key+"/"+alias), Alias: alias, Status: StatusOK, Format: cmp.Or(d.Format, "cow"),
			StorageDomainID: sd.ID, ImageID: stableID("", "image", key+"/"+alias), ContentType: "data",
			ProvisionedSize: cmp.Or(d.SizeBytes, 15*gib), ActualSize: 2 * gib, Sparse: true,
		}
		e.disks[disk.ID] = disk
		template.Disks = append(template.Disks, Attachment{DiskID: disk.ID, Interface: "virtio_scsi", Bootable: !d.Data, Active: true})
	}
	for _, n := range t.NICs {
		nic := NIC{ID: stableID(n.ID, "nic", key+"/"+n.Name), Name: n.Name, Interface: cmp.Or(n.Interface, "virtio"), Linked: true, Plugged: true}
		if n.VNICProfile != "" {
			profile, err := find(e.profiles, what, "vNIC profile", n.VNICProfile, func(p VNICProfile) string { return p.Name })
			if err != nil {
				return err
			}
			nic.ProfileID = profile.ID
		}
		template.NICs = append(template.NICs, nic)
	}
	return nil
}

func defaultHardware(t inventory.Template) Hardware {
	memory := cmp.Or(t.MemoryBytes, 4*gib)
	return Hardware{
		Type: cmp.Or(t.VMType, "server"), OSType: cmp.Or(t.OSType, "other"), BIOSType: cmp.Or(t.BIOSType, "q35_ovmf"),
		CPU:    CPU{Architecture: "x86_64", Sockets: 1, Cores: cmp.Or(t.Cores, 2), Threads: 1},
		Memory: memory, GuaranteedMemory: memory, MaxMemory: defaultMaxMemory(memory), Ballooning: true,
		BootDevices: []string{"hd"}, Affinity: "migratable", HAPriority: 1,
		Features: Features{Soundcard: t.VMType == "desktop", VirtioSCSI: true, Graphics: []string{GraphicsVNC}},
	}
}
