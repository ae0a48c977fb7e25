package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// fieldOwner owns what ocne applies.
const fieldOwner = client.FieldOwner("ocne")

// isOurs tells the objects that ocne made itself, and may therefore change and remove, from those that users made: the namespace, the
// credentials Secret and the CA ConfigMap.
func isOurs(obj client.Object) bool { return obj.GetLabels()[capi.ManagedByLabel] == capi.ManagedBy }

// apply creates an object or makes it what it should be, by server-side apply: running it again changes nothing, and fields that
// others own stay. It tries again for a while when the API server or a webhook is not ready.
func apply(ctx context.Context, c client.Client, obj client.Object) error {
	u, err := stated(obj, c.Scheme())
	if err != nil {
		return err
	}
	kind := u.GroupVersionKind()
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 7}
	var last error
	err = wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		last = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), fieldOwner, client.ForceOwnership)
		if last != nil && passing(last) {
			return false, nil
		}
		return true, last
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		last = ctx.Err()
	}
	return fmt.Errorf("apply %s %s: %w", kind.Kind, client.ObjectKeyFromObject(obj), last)
}

// stated is what an object says about itself, with its kind and without what an API server fills in: fields that are present are owned
// by whoever applies them, also when they are empty.
func stated(obj client.Object, scheme *runtime.Scheme) (*unstructured.Unstructured, error) {
	kind, err := apiutil.GVKForObject(obj, scheme)
	if err != nil {
		return nil, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind.Kind, client.ObjectKeyFromObject(obj), err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kind)
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u, nil
}

// passing says whether an error usually goes away by itself; an internal error is how a webhook that does not answer is reported.
func passing(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err)
}

// ensureNamespace makes a namespace that is absent; one that is there already stays the user's.
func ensureNamespace(ctx context.Context, c client.Client, name string, report progress.Reporter) error {
	told := false
	for {
		namespace := &corev1.Namespace{}
		err := c.Get(ctx, client.ObjectKey{Name: name}, namespace)
		switch {
		case apierrors.IsNotFound(err):
			return apply(ctx, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
				Name: name, Labels: map[string]string{capi.ManagedByLabel: capi.ManagedBy},
			}})
		case err != nil:
			return fmt.Errorf("read namespace %s: %w", name, err)
		case namespace.DeletionTimestamp.IsZero():
			return nil
		}
		if !told {
			told = true
			report.Step(fmt.Sprintf("Waiting until the old namespace %s is gone", name))
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait until the old namespace %s is gone: %w", name, err)
		}
	}
}

// applyShared applies the credentials Secret or the CA ConfigMap with the label by which ocne knows it again. One that users made stays
// as it is, and several clusters may use one.
func applyShared(ctx context.Context, c client.Client, obj client.Object, report progress.Reporter) error {
	existing, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return errors.ErrUnsupported
	}
	key := client.ObjectKeyFromObject(obj)
	kind, err := apiutil.GVKForObject(obj, c.Scheme())
	if err != nil {
		return err
	}
	switch err := c.Get(ctx, key, existing); {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("read %s %s: %w", kind.Kind, key, err)
	case err == nil && !isOurs(existing):
		report.Step(fmt.Sprintf("Using the existing %s %s", kind.Kind, key))
		return nil
	}
	labels := maps.Clone(obj.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[capi.ManagedByLabel] = capi.ManagedBy
	obj.SetLabels(labels)
	return apply(ctx, c, obj)
}
