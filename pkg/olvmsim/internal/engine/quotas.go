package engine

// Quota is a quota of a data center. None limits anything: see SetStorageQuota for limits.
type Quota struct{ ID, Name, Description, DataCenterID string }

// Quotas lists the quotas of all data centers: the default one of each, which has the data center's id here, and the others.
func (e *Engine) Quotas() []Quota {
	return locked(e, e.quotaList)
}

func (e *Engine) quotaList() []Quota {
	out := make([]Quota, 0, len(e.dataCenters)+len(e.store.named))
	for _, d := range e.dataCenters {
		out = append(out, Quota{ID: d.ID, Name: "Default", Description: "Default unlimited quota", DataCenterID: d.ID})
	}
	return append(out, e.store.named...)
}

// checkQuota refuses a quota that the data center does not have; nil and empty mean "not said".
func (e *Engine) checkQuota(command, dataCenterID string, id *string) error {
	if id == nil || *id == "" {
		return nil
	}
	for _, q := range e.quotaList() {
		if q.ID == *id && q.DataCenterID == dataCenterID {
			return nil
		}
	}
	return invalid(msgQuotaUnknown, command)
}

func (e *Engine) dataCenterOfDisk(id string) string {
	sd, _ := e.storageDomainByRef(Ref{ID: e.disks[id].StorageDomainID})
	return sd.DataCenterID
}
