package guest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/request"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// call is one request for objects of one kind.
type call struct {
	*clusterHandler
	r    *http.Request
	info *request.RequestInfo
	kind kind
	view view
}

// do answers every verb but watch with a status code and a body.
func (c *call) do(ctx context.Context) (int, any, error) {
	switch {
	case c.info.Subresource == "eviction" && c.info.Verb == "create":
		return c.delete(ctx)
	case c.info.Subresource == "" || (c.info.Subresource == "status" && c.kind.status) || c.info.Subresource == "finalize":
	default:
		return 0, nil, notFound(fmt.Sprintf("%s/%s is not simulated by instant guests", c.info.Resource, c.info.Subresource))
	}
	switch c.info.Verb {
	case "get":
		u, err := c.current(ctx)
		return http.StatusOK, u, err
	case "list":
		list, err := c.list(ctx)
		return http.StatusOK, list, err
	case "create":
		return c.create(ctx)
	case "update":
		u, err := c.decode()
		if err != nil {
			return 0, nil, err
		}
		o, err := c.update(ctx, u)
		return http.StatusOK, o, err
	case "patch":
		return c.patch(ctx)
	case "delete":
		return c.delete(ctx)
	case "deletecollection":
		return c.deleteCollection(ctx)
	}
	return 0, nil, apierrors.NewMethodNotSupported(c.resourceName(), c.info.Verb)
}

func (c *call) resourceName() schema.GroupResource {
	return schema.GroupResource{Group: c.info.APIGroup, Resource: c.info.Resource}
}

func (c *call) key() client.ObjectKey {
	if !c.kind.namespaced {
		return client.ObjectKey{Name: c.info.Name}
	}
	return client.ObjectKey{Namespace: c.info.Namespace, Name: c.info.Name}
}

func (c *call) dryRun() bool { return c.r.URL.Query().Get("dryRun") == metav1.DryRunAll }

func (c *call) current(ctx context.Context) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(c.kind.gvk)
	if err := c.store.Get(ctx, c.key(), u); err != nil {
		if apierrors.IsNotFound(err) { // the store's own error names the kind as if it were the resource
			err = apierrors.NewNotFound(c.resourceName(), c.info.Name)
		}
		return nil, err
	}
	return u, nil
}

func (c *call) list(ctx context.Context) (*unstructured.UnstructuredList, error) {
	match, err := c.selector()
	if err != nil {
		return nil, err
	}
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(c.kind.gvk.GroupVersion().WithKind(c.kind.gvk.Kind + "List"))
	opts := []client.ListOption{}
	if c.kind.namespaced {
		opts = append(opts, client.InNamespace(c.info.Namespace))
	}
	c.deletions.follow(ctx, c.kind.gvk)
	if err := c.store.List(ctx, all, opts...); err != nil {
		return nil, err
	}
	items := []unstructured.Unstructured{} // never null in JSON
	for _, u := range all.Items {
		if match(&u) {
			items = append(items, u)
		}
	}
	slices.SortFunc(items, func(a, b unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	all.Items = items
	return all, nil
}

// selector returns what the request's namespace, label selector and field selector let through.
func (c *call) selector() (func(*unstructured.Unstructured) bool, error) {
	query := c.r.URL.Query()
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return func(u *unstructured.Unstructured) bool {
		if c.kind.namespaced && c.info.Namespace != "" && u.GetNamespace() != c.info.Namespace {
			return false
		}
		return byLabel.Matches(labels.Set(u.GetLabels())) && byField.Matches(objectFields{u})
	}, nil
}

func (c *call) create(ctx context.Context) (int, any, error) {
	u, err := c.decode()
	if err != nil {
		return 0, nil, err
	}
	if u.GetName() == "" && u.GetGenerateName() != "" {
		u.SetName(u.GetGenerateName() + strconv.FormatInt(time.Now().UnixNano(), 36))
	}
	o, err := c.insert(ctx, u)
	return http.StatusCreated, o, err
}

func (c *call) insert(ctx context.Context, u *unstructured.Unstructured) (client.Object, error) {
	u.SetUID(newUID())
	u.SetResourceVersion("")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	admit(u)
	o, err := c.typed(u)
	if err != nil || c.dryRun() {
		return o, err
	}
	err = c.store.Create(ctx, o)
	if apierrors.IsAlreadyExists(err) {
		err = apierrors.NewAlreadyExists(c.resourceName(), u.GetName())
	}
	return o, err
}

// update replaces the object by u: its status through the status subresource, everything else otherwise.
func (c *call) update(ctx context.Context, u *unstructured.Unstructured) (client.Object, error) {
	old, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	if u.GetName() != old.GetName() {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", u.GetName(), old.GetName()))
	}
	if uid := u.GetUID(); uid != "" && uid != old.GetUID() {
		return nil, apierrors.NewConflict(c.resourceName(), old.GetName(), fmt.Errorf("UID %s is not that of the object in storage", uid))
	}
	u.SetUID(old.GetUID())
	if u.GetResourceVersion() == "" { // an unconditional update
		u.SetResourceVersion(old.GetResourceVersion())
	}
	if c.kind.status {
		from, to := old, u
		if c.info.Subresource == "status" {
			from, to = u, old
			to.SetResourceVersion(u.GetResourceVersion())
		}
		copyStatus(from, to)
		u = to
	}
	admit(u)
	o, err := c.typed(u)
	if err != nil || c.dryRun() {
		return o, err
	}
	err = c.store.Update(ctx, o)
	if apierrors.IsConflict(err) {
		err = apierrors.NewConflict(c.resourceName(), u.GetName(), fmt.Errorf("the object has been modified"))
	}
	if err == nil && o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 { // that was the last finalizer
		err = client.IgnoreNotFound(c.store.Delete(ctx, o))
	}
	return o, err
}

func copyStatus(from, to *unstructured.Unstructured) {
	if status, ok := from.Object["status"]; ok {
		to.Object["status"] = status
	} else {
		delete(to.Object, "status")
	}
}

func (c *call) delete(ctx context.Context) (int, any, error) {
	old, err := c.current(ctx)
	if err != nil {
		return 0, nil, err
	}
	options, err := c.deleteOptions()
	if err != nil {
		return 0, nil, err
	}
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != old.GetUID() {
		return 0, nil, apierrors.NewConflict(c.resourceName(), old.GetName(), fmt.Errorf("UID %s is not that of the object in storage", *p.UID))
	}
	if c.dryRun() || slices.Contains(options.DryRun, metav1.DryRunAll) {
		return http.StatusOK, old, nil
	}
	if err := c.remove(ctx, old); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}, nil
}

func (c *call) deleteCollection(ctx context.Context) (int, any, error) {
	list, err := c.list(ctx)
	if err != nil || c.dryRun() {
		return http.StatusOK, list, err
	}
	for i := range list.Items {
		if err := c.remove(ctx, &list.Items[i]); client.IgnoreNotFound(err) != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, list, nil
}

func (c *call) remove(ctx context.Context, o client.Object) error {
	if err := c.store.Delete(ctx, o); err != nil {
		return err
	}
	if c.info.Resource == "nodes" && len(o.GetFinalizers()) == 0 {
		return c.collectPods(ctx, o.GetName())
	}
	return nil
}

// decode reads the object of a POST or PUT, in JSON or, for built-in kinds, protobuf.
func (c *call) decode() (*unstructured.Unstructured, error) {
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return c.parse(body)
}

func (c *call) parse(body []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if isProtobuf(body) {
		o, _, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(body, &c.kind.gvk, nil)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		if u.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(o); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		u.SetGroupVersionKind(c.kind.gvk)
	} else if err := u.UnmarshalJSON(body); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if u.GroupVersionKind() != c.kind.gvk {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the object is a %s, not a %s", u.GroupVersionKind(), c.kind.gvk))
	}
	u.SetNamespace(c.key().Namespace)
	return u, nil
}

func isProtobuf(body []byte) bool { return bytes.HasPrefix(body, []byte("k8s\x00")) }

// typed converts built-in kinds to the Go types in which the store, and the in-memory etcd, expect them.
func (c *call) typed(u *unstructured.Unstructured) (client.Object, error) {
	if !c.platform.scheme.Recognizes(c.kind.gvk) {
		return u, nil
	}
	o, err := c.platform.scheme.New(c.kind.gvk)
	if err != nil {
		return nil, err
	}
	strict := c.r.URL.Query().Get("fieldValidation") == metav1.FieldValidationStrict
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, o, strict); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	o.GetObjectKind().SetGroupVersionKind(c.kind.gvk)
	return o.(client.Object), nil
}
