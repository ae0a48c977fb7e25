package engine

import (
	"context"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// StorageDomainID finds a storage domain of a data center. The error is a *MissingError when there is none of that name.
func (e *Engine) StorageDomainID(ctx context.Context, dataCenterID, name string) (string, error) {
	return find("storage domain", name, func(maxAge time.Duration) ([]ovirt.StorageDomain, error) {
		return e.storageDomains(ctx, dataCenterID, maxAge)
	}, func(d ovirt.StorageDomain) (string, string) { return d.Name, d.ID })
}

// QuotaID finds a quota of a data center. The error is a *MissingError when there is none of that name.
func (e *Engine) QuotaID(ctx context.Context, dataCenterID, name string) (string, error) {
	return find("quota", name, func(maxAge time.Duration) ([]ovirt.DataCenterQuota, error) {
		return e.quotas.get(dataCenterID, maxAge, func() ([]ovirt.DataCenterQuota, error) { return e.client.Quotas(ctx, dataCenterID) })
	}, func(q ovirt.DataCenterQuota) (string, string) { return q.Name, q.ID })
}

// find looks for a name in the list that all machines share, and then in one that is newer.
func find[T any](what, name string, list func(maxAge time.Duration) ([]T, error), of func(T) (name, id string)) (string, error) {
	var existing []string
	for _, maxAge := range []time.Duration{rememberedFor, PollInterval} {
		all, err := list(maxAge)
		if err != nil {
			return "", err
		}
		existing = nil
		for _, one := range all {
			has, id := of(one)
			if has == name {
				return id, nil
			}
			existing = append(existing, has)
		}
	}
	return "", &MissingError{What: what, Name: name, Existing: existing}
}

// TagID finds a tag by its name; empty when there is none.
func (e *Engine) TagID(ctx context.Context, name string) (string, error) {
	ids, err := e.tags.get(struct{}{}, rememberedFor, func() (map[string]string, error) {
		tags, err := e.client.Tags(ctx)
		ids := map[string]string{}
		for _, t := range tags {
			ids[t.Name] = t.ID
		}
		return ids, err
	})
	return ids[name], err
}

// ForgetTags makes the next look-up ask the engine.
func (e *Engine) ForgetTags() { e.tags.forget() }
