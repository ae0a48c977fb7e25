package ovirt

import "time"

type wireNewDisk struct {
	ID              string             `json:"id"`
	Name            string             `json:"name"`
	Description     string             `json:"description,omitempty"`
	Format          string             `json:"format"`
	Backup          string             `json:"backup"`
	Sparse          boolean            `json:"sparse"`
	ProvisionedSize integer            `json:"provisioned_size"`
	InitialSize     integer            `json:"initial_size,omitempty"`
	Quota           *reference         `json:"quota,omitempty"`
	StorageDomains  wireStorageDomains `json:"storage_domains"`
}

type wireStorageDomains struct {
	StorageDomain []reference `json:"storage_domain"`
}

type wireDiskDescription struct {
	Description string `json:"description"`
}

func (d AddDisk) wire() wireNewDisk {
	return wireNewDisk{
		ID: d.ID, Name: d.Name, Description: d.Description, Format: d.Format, Backup: "none", Sparse: boolean(!d.Preallocated),
		ProvisionedSize: integer(d.Size), InitialSize: integer(d.InitialSize), Quota: refer(d.QuotaID),
		StorageDomains: wireStorageDomains{StorageDomain: []reference{{d.StorageDomainID}}},
	}
}

type wireNewAttachment struct {
	Disk      reference `json:"disk"`
	Interface string    `json:"interface"`
	Bootable  boolean   `json:"bootable"`
	Active    boolean   `json:"active"`
}

type wireImageTransfer struct {
	ID                string     `json:"id,omitempty"`
	Disk              *reference `json:"disk,omitempty"`
	Image             *reference `json:"image,omitempty"` // how an engine names the disk
	Host              *reference `json:"host,omitempty"`
	Direction         string     `json:"direction,omitempty"`
	Format            string     `json:"format,omitempty"`
	Phase             string     `json:"phase,omitempty"`
	TransferURL       string     `json:"transfer_url,omitempty"`
	ProxyURL          string     `json:"proxy_url,omitempty"`
	Transferred       integer    `json:"transferred,omitempty"`
	InactivityTimeout integer    `json:"inactivity_timeout,omitempty"`
	TimeoutPolicy     string     `json:"timeout_policy,omitempty"`
}

func (t AddImageTransfer) wire() wireImageTransfer {
	return wireImageTransfer{
		Disk: refer(t.DiskID), Direction: transferDirectionPush, Format: t.Format,
		InactivityTimeout: integer(t.InactivityTimeout / time.Second), TimeoutPolicy: t.TimeoutPolicy,
	}
}

func imageTransferOf(w *wireImageTransfer) ImageTransfer {
	t := ImageTransfer{
		ID: w.ID, DiskID: w.Image.id(), HostID: w.Host.id(), Direction: w.Direction, Format: w.Format, Phase: w.Phase,
		TransferURL: w.TransferURL, ProxyURL: w.ProxyURL, Transferred: int64(w.Transferred),
	}
	if t.DiskID == "" {
		t.DiskID = w.Disk.id()
	}
	return t
}

type wireNewTemplate struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Comment     string          `json:"comment,omitempty"`
	VM          reference       `json:"vm"`
	Version     *wireNewVersion `json:"version,omitempty"`
}

type wireNewVersion struct {
	BaseTemplate *reference `json:"base_template,omitempty"`
	Name         string     `json:"version_name,omitempty"`
}

func (t AddTemplate) wire() wireNewTemplate {
	w := wireNewTemplate{Name: t.Name, Description: t.Description, Comment: t.Comment, VM: reference{t.VMID}}
	if t.BaseID != "" || t.VersionName != "" {
		w.Version = &wireNewVersion{BaseTemplate: refer(t.BaseID), Name: t.VersionName}
	}
	return w
}
