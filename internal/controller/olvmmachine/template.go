package olvmmachine

import (
	"context"
	"errors"

	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// templateChoice is what the spec says of the VM template, and what was chosen for this VM before.
func templateChoice(olvm *infrav1.OLVMMachine) machine.TemplateChoice {
	return machine.TemplateChoice{
		Name: olvm.Spec.VMTemplateName, Version: olvm.Spec.VMTemplateVersion, ID: olvm.Spec.VMTemplateID,
		Chosen: engineStatus(olvm).VMTemplateID,
	}
}

// chooseTemplate finds the VM template. One that is not in the list that all machines share is looked for in a newer one. Another one may
// be the newest when the request is repeated; mayChange says so.
func chooseTemplate(ctx context.Context, s subject, dataCenterID string) (chosen ovirt.Template, mayChange bool, err error) {
	choice := templateChoice(s.olvm)
	for _, list := range []func(context.Context, string) ([]ovirt.Template, error){s.engine.KnownTemplates, s.engine.Templates} {
		templates, listErr := list(ctx, dataCenterID)
		if listErr != nil {
			return ovirt.Template{}, false, listErr
		}
		if chosen, err = choice.Choose(templates); err == nil {
			return chosen, choice.MayChange(templates), nil
		}
	}
	return ovirt.Template{}, false, err
}

// unplaced tells which of the names in the spec the engine does not have. It goes on by itself when there is one.
func (r *Reconciler) unplaced(s subject, err error) (ctrl.Result, bool) {
	missing, ambiguous, small := (*engine.MissingError)(nil), (*machine.AmbiguousTemplateError)(nil), (*machine.TooSmallError)(nil)
	plan := machine.Plan{Message: err.Error(), Wake: waitForPlace}
	switch {
	case errors.As(err, &missing):
		plan.Reason = infrav1.NotFoundInEngineReason
	case errors.As(err, &ambiguous), errors.As(err, &small):
		plan.Reason = infrav1.InvalidSpecReason
	default:
		return ctrl.Result{}, false
	}
	show(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}, true
}
