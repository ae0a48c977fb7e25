// Package olvmmachinetemplate reconciles OLVMMachineTemplates: it says how large a machine will be, which the cluster autoscaler has to know
// before there is one.
package olvmmachinetemplate

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	capicontroller "sigs.k8s.io/cluster-api/util/controller"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// Reconciler reconciles OLVMMachineTemplates. It never asks the engine.
type Reconciler struct {
	client.Client
	WatchFilter string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachinetemplates,verbs=list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachinetemplates/status,verbs=patch

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, o controller.Options) error {
	log := ctrl.LoggerFrom(ctx).WithValues("controller", "olvmmachinetemplate")
	return capicontroller.NewControllerManagedBy(mgr, log).
		For(&infrav1.OLVMMachineTemplate{}).
		WithOptions(o).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilter)).
		Complete(ctx, r)
}

// Reconcile one OLVMMachineTemplate. Nothing is written while nothing changes: Cluster API compares templates again and again.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	template := &infrav1.OLVMMachineTemplate{}
	if err := r.Get(ctx, req.NamespacedName, template); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !template.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	status, err := statusOf(template.Spec.Template.Spec)
	if err != nil { // it helps nobody to try again before the template changes
		ctrl.LoggerFrom(ctx).Info("A size in the template cannot be read, so it is not in its capacity", "error", err.Error())
	}
	if equality.Semantic.DeepEqual(status, template.Status) {
		return ctrl.Result{}, nil
	}
	before := template.DeepCopy()
	template.Status = status
	if err := r.Status().Patch(ctx, template, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("patch the status of OLVMMachineTemplate %s: %w", req, err)
	}
	return ctrl.Result{}, nil
}
