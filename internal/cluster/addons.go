package cluster

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// addonState is how far the installation of an add-on is.
type addonState struct {
	name    string
	applied bool
	err     error // why it is not applied yet
}

// addonsOf are what a new cluster needs in it: nodes are not Ready without a pod network.
func addonsOf(c *config.Config) ([]addon.Addon, error) {
	image, err := boot.LoadImage(c.OLVM.ControlPlaneMachine.ImageProfile)
	if err != nil {
		return nil, err
	}
	s := addon.Settings{
		PodSubnets: c.PodSubnets, ServiceSubnets: c.ServiceSubnets, Images: image.Addons, ProxyMode: c.KubeProxyMode,
		APIServer: fmt.Sprintf("https://%s:%d", c.VirtualIP, c.APIServerPort),
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

// applyAddons applies what is not applied yet, as soon as the API answers. What fails is a state of the cluster, and tried again with the
// next snapshot: while the first control plane node comes up, the API comes and goes.
func (w *workload) applyAddons(ctx context.Context, s *snapshot, report progress.Reporter) {
	failed := s.nodesErr
	for i := range w.addons {
		a := &w.addons[i]
		if failed == nil && len(a.Objects) > 0 {
			if failed = w.applyAddon(ctx, a); failed == nil {
				report.Step("Installed the add-on " + a.Name)
			}
		}
		s.addons = append(s.addons, addonState{name: a.Name, applied: len(a.Objects) == 0, err: failed})
	}
}

// applyAddon applies an add-on's objects, and leaves those out of it that are applied.
func (w *workload) applyAddon(ctx context.Context, a *addon.Addon) error {
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

func addonsApplied(s *snapshot) bool {
	for _, a := range s.addons {
		if !a.applied {
			return false
		}
	}
	return true
}

func addonItems(s *snapshot) []progress.Item {
	items := make([]progress.Item, 0, len(s.addons))
	for _, a := range s.addons {
		item := progress.Item{Name: "add-on " + a.name, State: "waiting for the API", Done: a.applied}
		switch {
		case a.applied:
			item.State = "installed"
		case a.err != nil && s.nodesErr == nil:
			item.State, item.Detail = "not installed yet", a.err.Error()
		}
		items = append(items, item)
	}
	return items
}
