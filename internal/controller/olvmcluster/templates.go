package olvmcluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
)

// templates shows whether the engine still has the VM templates that the cluster's machines were made from. Machines that run need them no
// more; their replacements do.
func (r *Reconciler) templates(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster, e *engine.Engine, dataCenterID string) error {
	machines, err := r.machines(ctx, cluster)
	if err != nil || len(machines) == 0 {
		return err
	}
	known, err := e.Templates(ctx, dataCenterID)
	if err != nil {
		return err
	}
	var missing []string
	for i := range machines {
		spec := machines[i].Spec
		name := cmp.Or(spec.VMTemplateID, spec.VMTemplateName)
		found := slices.Contains(missing, name)
		for j := range known {
			found = found || known[j].ID == strings.ToLower(spec.VMTemplateID) || spec.VMTemplateID == "" && known[j].Name == name
		}
		if !found {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		set(olvm, infrav1.TemplatesFoundCondition, metav1.ConditionTrue, infrav1.FoundReason, "")
		return nil
	}
	slices.Sort(missing)
	set(olvm, infrav1.TemplatesFoundCondition, metav1.ConditionFalse, infrav1.NotFoundInEngineReason, fmt.Sprintf(
		"the engine does not have, or show, the VM templates that machines were made from: %s. Machines that run are not affected; "+
			"new ones and replacements cannot be made. Make the template again, or roll out machines from another one", strings.Join(missing, ", ")))
	return nil
}
