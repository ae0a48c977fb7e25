package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writer is a client that remembers whether it was asked to write something. Like the commands that use it, it is not for concurrent use.
type writer struct {
	client.Client
	wrote bool
}

// Create implements client.Writer.
func (w *writer) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	w.wrote = true
	return w.Client.Create(ctx, obj, opts...)
}

// Update implements client.Writer.
func (w *writer) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	w.wrote = true
	return w.Client.Update(ctx, obj, opts...)
}

// Patch implements client.Writer.
func (w *writer) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	w.wrote = true
	return w.Client.Patch(ctx, obj, patch, opts...)
}

// Apply implements client.Writer.
func (w *writer) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	w.wrote = true
	return w.Client.Apply(ctx, obj, opts...)
}

// Delete implements client.Writer.
func (w *writer) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	w.wrote = true
	return w.Client.Delete(ctx, obj, opts...)
}

// DeleteAllOf implements client.Writer.
func (w *writer) DeleteAllOf(ctx context.Context, obj client.Object, opts ...client.DeleteAllOfOption) error {
	w.wrote = true
	return w.Client.DeleteAllOf(ctx, obj, opts...)
}
