package rest

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

func diskAdd(d *Disk) (*engine.DiskAdd, error) {
	if err := missing("Disk", need{"provisionedSize", d.ProvisionedSize != nil}, need{"format", d.Format != ""}); err != nil {
		return nil, err
	}
	add := &engine.DiskAdd{
		ID: strings.ToLower(d.ID), Alias: aliasOf(d), Description: value(d.Description), Format: d.Format, ContentType: d.ContentType,
		Backup: d.Backup, ProvisionedSize: int64(*d.ProvisionedSize), Sparse: (*bool)(d.Sparse), Shareable: isTrue(d.Shareable),
		Wipe: isTrue(d.WipeAfterDelete), PropagateErrors: isTrue(d.PropagateErrors), StorageDomain: storageDomainOf(d),
		QuotaID: quotaOf(d),
	}
	if d.InitialSize != nil {
		add.InitialSize = int64(*d.InitialSize)
	}
	return add, nil
}

func diskChange(d *Disk) engine.DiskChange {
	change := engine.DiskChange{
		Alias: d.Alias, Description: d.Description, ProvisionedSize: (*int64)(d.ProvisionedSize), Shareable: (*bool)(d.Shareable),
		Wipe: (*bool)(d.WipeAfterDelete), PropagateErrors: (*bool)(d.PropagateErrors),
	}
	if change.Alias == nil {
		change.Alias = d.Name
	}
	if d.Backup != "" {
		change.Backup = &d.Backup
	}
	return change
}

// aliasOf is the disk's alias, which may be called its name.
func aliasOf(d *Disk) string { return cmp.Or(value(d.Alias), value(d.Name)) }

// checkDisk refuses values that no disk can have.
func checkDisk(d *Disk) error {
	if err := checkRefs(&Ref{ID: d.ID}, d.StorageDomain, d.Quota); err != nil {
		return err
	}
	if d.StorageDomains != nil {
		for i := range d.StorageDomains.StorageDomain {
			if err := checkRefs(&d.StorageDomains.StorageDomain[i]); err != nil {
				return err
			}
		}
	}
	contents := "backup_scratch data hosted_engine hosted_engine_configuration hosted_engine_metadata hosted_engine_sanlock iso memory_dump_volume " +
		"memory_metadata_volume ovf_store"
	return checkEnums(diskFormat(d.Format), enum{d.Backup, "DiskBackup", []string{"incremental", "none"}},
		enum{d.ContentType, "DiskContentType", strings.Fields(contents)})
}

func diskFormat(format string) enum {
	return enum{format, "DiskFormat", []string{engine.FormatCOW, engine.FormatRaw}}
}

func isTrue(b *Bool) bool { return b != nil && bool(*b) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func showDisk(d engine.Disk, dataCenterID string) Disk {
	href := ref("disks", d.ID).Href
	out := Disk{
		Actions:    actionLinks(href, "convert", "copy", "move", "reduce", "refreshlun", "sparsify"),
		ActualSize: ptr(Int(d.ActualSize)), Alias: ptr(d.Alias), Backup: cmp.Or(d.Backup, "none"), ContentType: d.ContentType,
		Description: ptr(d.Description), DiskProfile: ref("diskprofiles", d.StorageDomainID), Format: d.Format, Href: href, ID: d.ID,
		ImageID: d.ImageID, Link: subLinks(href, "disksnapshots", "permissions", "statistics"), Name: ptr(d.Alias),
		PropagateErrors: ptr(Bool(d.PropagateErrors)), ProvisionedSize: ptr(Int(d.ProvisionedSize)),
		Quota: showQuota(dataCenterID, cmp.Or(d.QuotaID, dataCenterID)), Shareable: ptr(Bool(d.Shareable)), Sparse: ptr(Bool(d.Sparse)), Status: d.Status,
		StorageDomains: &StorageDomains{}, StorageType: "image", TotalSize: ptr(Int(d.ActualSize)), WipeAfterDelete: ptr(Bool(d.WipeAfterDelete)),
	}
	for _, id := range d.DomainIDs() {
		out.StorageDomains.StorageDomain = append(out.StorageDomains.StorageDomain, *ref("storagedomains", id))
	}
	if d.Format == engine.FormatCOW {
		out.QcowVersion = "qcow2_v3"
	}
	return out
}

// showQuota refers to a quota of a data center. The one that every data center has goes by the data center's id here.
func showQuota(dataCenterID, quotaID string) *Ref {
	if dataCenterID == "" {
		return nil
	}
	return &Ref{Href: ref("datacenters", dataCenterID).Href + "/quotas/" + quotaID, ID: quotaID}
}
