package workload

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// fieldOwner owns the fields of what ocne applies.
const fieldOwner = client.FieldOwner("ocne")

// Addons are what a new cluster needs in it: nodes are not Ready without a pod network. profile is that of the nodes' image, server is host:port
// of the cluster's API as its nodes reach it.
func Addons(c *config.Config, profile, server string) ([]addon.Addon, error) {
	image, err := boot.LoadImage(profile)
	if err != nil {
		return nil, err
	}
	s := addon.Settings{
		PodSubnets: c.PodSubnets, ServiceSubnets: c.ServiceSubnets, Images: image.Addons, ProxyMode: c.KubeProxyMode, APIServer: "https://" + server,
	}
	list, err := addon.Kubernetes(s)
	if err != nil || c.CNI == "none" {
		return list, err
	}
	network, err := addon.PodNetwork(s)
	if err != nil {
		return nil, err
	}
	return append(list, network), nil
}

// AddonState is how far the installation of an add-on is.
type AddonState struct {
	Name    string
	Applied bool
	// Err is why it is not applied yet.
	Err error
}

// ApplyAddons applies what is not applied yet, unless the API is known not to answer: then unreachable says why. What fails is a state of the
// cluster, and tried again with the next call: while the first control plane node comes up, the API comes and goes.
func (w *Cluster) ApplyAddons(ctx context.Context, unreachable error, report progress.Reporter) []AddonState {
	failed := unreachable
	states := make([]AddonState, 0, len(w.addons))
	for i := range w.addons {
		a := &w.addons[i]
		if failed == nil && len(a.Objects) > 0 {
			if failed = w.apply(ctx, a); failed == nil {
				report.Step("Installed the add-on " + a.Name)
			}
		}
		states = append(states, AddonState{Name: a.Name, Applied: len(a.Objects) == 0, Err: failed})
	}
	return states
}

// apply applies an add-on's objects, and leaves those out of it that are applied.
func (w *Cluster) apply(ctx context.Context, a *addon.Addon) error {
	for len(a.Objects) > 0 {
		object := a.Objects[0]
		err := w.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object.DeepCopy()), fieldOwner, client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), client.ObjectKeyFromObject(object), err)
		}
		a.Objects = a.Objects[1:]
	}
	return nil
}

// AddonItems shows add-ons as something that is waited for. answers says that the cluster's API does.
func AddonItems(states []AddonState, answers bool) []progress.Item {
	items := make([]progress.Item, 0, len(states))
	for _, a := range states {
		item := progress.Item{Name: "add-on " + a.Name, State: "waiting for the API", Done: a.Applied}
		switch {
		case a.Applied:
			item.State = "installed"
		case a.Err != nil && answers:
			item.State, item.Detail = "not installed yet", a.Err.Error()
		}
		items = append(items, item)
	}
	return items
}

// AllApplied says whether no add-on is missing.
func AllApplied(states []AddonState) bool {
	for _, a := range states {
		if !a.Applied {
			return false
		}
	}
	return true
}
