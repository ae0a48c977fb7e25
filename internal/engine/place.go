package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// rememberedFor is how long what hardly ever changes is taken for granted; errors are not remembered.
const rememberedFor = time.Minute

// PlaceNames are the names that a machine's spec uses for its surroundings in the engine. Without a name of a template, none is looked up.
type PlaceNames struct {
	DataCenter, Cluster, Network, VNICProfile, Template string
}

// Place holds the ids behind them.
type Place struct {
	DataCenterID, ClusterID, NetworkID, VNICProfileID, TemplateID string
	// TemplateComment and TemplateOS, its operating system type, tell what kind of image the template holds.
	TemplateComment, TemplateOS string
}

// Resolve looks the names up. An error names the first one that the engine does not have, or does not show to this account.
func (e *Engine) Resolve(ctx context.Context, names PlaceNames) (Place, error) {
	return e.places.get(names, rememberedFor, func() (Place, error) { return e.resolve(ctx, names) })
}

// ForgetPlaces makes the next look-up ask the engine: it has just said that something is not there.
func (e *Engine) ForgetPlaces() {
	e.places.forget()
	e.nics.forget()
	e.templates.forget()
	e.domains.forget()
	e.bootDisks.forget()
	e.quotas.forget()
}

// System is the engine's product and version.
func (e *Engine) System(ctx context.Context) (ovirt.System, error) {
	return e.systems.get(struct{}{}, rememberedFor, func() (ovirt.System, error) {
		system, err := e.client.System(ctx)
		if err != nil {
			return ovirt.System{}, err
		}
		return *system, nil
	})
}

// DataCenter looks a data center up by its name.
func (e *Engine) DataCenter(ctx context.Context, name string) (ovirt.DataCenter, error) {
	return e.dataCenters.get(name, rememberedFor, func() (ovirt.DataCenter, error) {
		dataCenter, err := e.client.DataCenterByName(ctx, name)
		if err != nil {
			return ovirt.DataCenter{}, fmt.Errorf("data center %q: %w", name, err)
		}
		return *dataCenter, nil
	})
}

// Templates are those of a data center, at most PollInterval old: one list serves all clusters.
func (e *Engine) Templates(ctx context.Context, dataCenterID string) ([]ovirt.Template, error) {
	return e.templates.get(dataCenterID, PollInterval, func() ([]ovirt.Template, error) { return e.client.Templates(ctx, dataCenterID) })
}

// KnownTemplates are the same, as old as what Resolve remembers.
func (e *Engine) KnownTemplates(ctx context.Context, dataCenterID string) ([]ovirt.Template, error) {
	return e.templates.get(dataCenterID, rememberedFor, func() ([]ovirt.Template, error) { return e.client.Templates(ctx, dataCenterID) })
}

func (e *Engine) resolve(ctx context.Context, names PlaceNames) (Place, error) {
	dataCenter, err := e.client.DataCenterByName(ctx, names.DataCenter)
	if err != nil {
		return Place{}, fmt.Errorf("data center %q: %w", names.DataCenter, err)
	}
	cluster, err := e.client.ClusterByName(ctx, dataCenter.ID, names.Cluster)
	if err != nil {
		return Place{}, fmt.Errorf("cluster %q in data center %q: %w", names.Cluster, names.DataCenter, err)
	}
	network, err := e.client.NetworkByName(ctx, dataCenter.ID, names.Network)
	if err != nil {
		return Place{}, fmt.Errorf("network %q in data center %q: %w", names.Network, names.DataCenter, err)
	}
	profile, err := e.client.VNICProfileByName(ctx, network.ID, names.VNICProfile)
	if err != nil {
		return Place{}, fmt.Errorf("vNIC profile %q of network %q: %w", names.VNICProfile, names.Network, err)
	}
	place := Place{DataCenterID: dataCenter.ID, ClusterID: cluster.ID, NetworkID: network.ID, VNICProfileID: profile.ID}
	if names.Template == "" {
		return place, nil
	}
	template, err := e.client.TemplateByName(ctx, dataCenter.ID, names.Template)
	if err != nil {
		return Place{}, fmt.Errorf("template %q in data center %q: %w", names.Template, names.DataCenter, err)
	}
	place.TemplateID, place.TemplateComment, place.TemplateOS = template.ID, template.Comment, template.OSType
	return place, nil
}

// Sees checks that the account still sees where its VMs are: an engine answers an account without permissions as if nothing
// existed, which must not be taken for a deleted VM. An empty cluster is not looked for. The id is that of the cluster that the VM was made
// in, or empty: names are alike in many engines, and whoever has put the address of another one in place gets an OtherEngineError.
func (e *Engine) Sees(ctx context.Context, dataCenter, cluster, clusterID string) error {
	dc, err := e.client.DataCenterByName(ctx, dataCenter)
	if err != nil {
		return fmt.Errorf("data center %q: %w", dataCenter, err)
	}
	if cluster != "" { // not of a VM whose failure domain is gone
		if _, err := e.client.ClusterByName(ctx, dc.ID, cluster); err != nil {
			return fmt.Errorf("cluster %q: %w", cluster, err)
		}
	}
	if clusterID == "" {
		return nil
	}
	_, err = e.client.Cluster(ctx, clusterID)
	if ovirt.KindOf(err) == ovirt.NotFound {
		return &OtherEngineError{ClusterID: clusterID}
	}
	return err
}
