package manager

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	bootstrapadmission "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks/admission"
	controlplaneadmission "sigs.k8s.io/cluster-api/controlplane/kubeadm/webhooks/admission"
	controlplaneconversion "sigs.k8s.io/cluster-api/controlplane/kubeadm/webhooks/conversion"
	coreadmission "sigs.k8s.io/cluster-api/core/webhooks/admission"
	coreconversion "sigs.k8s.io/cluster-api/core/webhooks/conversion"
	ctrl "sigs.k8s.io/controller-runtime"
)

// setupWebhooks registers the admission webhooks of every kind that has a webhook configuration; each registers its kind's
// conversion too. The kinds whose feature gate is off need theirs as well: it is what refuses the objects.
func (c *clusterAPI) setupWebhooks() error {
	cl, reader := c.mgr.GetClient(), c.mgr.GetAPIReader()
	newestVersion := func(ctx context.Context, kind schema.GroupKind) (string, error) { return apiVersion(ctx, cl, kind) }
	coreconversion.SetAPIVersionGetter(newestVersion)
	controlplaneconversion.SetAPIVersionGetter(newestVersion)

	for _, webhook := range []interface{ SetupWebhookWithManager(ctrl.Manager) error }{
		&coreadmission.ClusterClass{Client: cl},
		&coreadmission.Cluster{Client: cl, ClusterCacheReader: c.clusters},
		&coreadmission.Machine{},
		&coreadmission.MachineSet{},
		&coreadmission.MachineDeployment{},
		&coreadmission.MachineDrainRule{},
		&coreadmission.MachinePool{},
		&coreadmission.ClusterResourceSet{},
		&coreadmission.ClusterResourceSetBinding{},
		&coreadmission.MachineHealthCheck{},
		&coreadmission.ExtensionConfig{},
		&coreadmission.IPAddress{Client: reader},
		&coreadmission.IPAddressClaim{},
		&bootstrapadmission.KubeadmConfig{},
		&bootstrapadmission.KubeadmConfigTemplate{},
		&controlplaneadmission.KubeadmControlPlane{},
		&controlplaneadmission.KubeadmControlPlaneTemplate{},
		&controlplaneadmission.ScaleValidator{Client: cl},
	} {
		if err := webhook.SetupWebhookWithManager(c.mgr); err != nil {
			return fmt.Errorf("set up webhook %T: %w", webhook, err)
		}
	}
	return nil
}
