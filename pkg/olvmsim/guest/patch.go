package guest

import (
	"context"
	"io"
	"net/http"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// patch knows all four kinds of patches. Server-side apply is create-or-merge without field ownership: maps are
// merged, lists are replaced, and a field that is no longer applied stays.
func (c *call) patch(ctx context.Context) (int, any, error) {
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return 0, nil, apierrors.NewBadRequest(err.Error())
	}
	kind := types.PatchType(strings.TrimSpace(strings.Split(c.r.Header.Get("Content-Type"), ";")[0]))
	if kind == types.ApplyYAMLPatchType {
		if body, err = yaml.YAMLToJSON(body); err != nil {
			return 0, nil, apierrors.NewBadRequest(err.Error())
		}
	}
	var o client.Object
	code := http.StatusOK
	// Like a real API server: a patch without a resource version is computed anew when the object has changed.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		old, err := c.current(ctx)
		if apierrors.IsNotFound(err) && kind == types.ApplyYAMLPatchType && c.info.Subresource == "" {
			code = http.StatusCreated
			o, err = c.apply(ctx, body)
			return err
		}
		if err != nil {
			return err
		}
		patched, err := c.patched(old, kind, body)
		if err != nil {
			return err
		}
		o, err = c.update(ctx, patched)
		return err
	})
	return code, o, err
}

// apply creates the object of a server-side apply.
func (c *call) apply(ctx context.Context, body []byte) (client.Object, error) {
	u, err := c.parse(body)
	if err != nil {
		return nil, err
	}
	if u.GetUID() != "" {
		return nil, apierrors.NewConflict(c.resourceName(), c.info.Name, apierrors.NewBadRequest("uid mismatch: the object does not exist"))
	}
	u.SetName(c.info.Name)
	return c.insert(ctx, u)
}

func (c *call) patched(old *unstructured.Unstructured, kind types.PatchType, body []byte) (*unstructured.Unstructured, error) {
	current, err := old.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var result []byte
	switch kind {
	case types.JSONPatchType:
		var p jsonpatch.Patch
		if p, err = jsonpatch.DecodePatch(body); err == nil {
			result, err = p.Apply(current)
		}
	case types.MergePatchType, types.ApplyYAMLPatchType:
		result, err = jsonpatch.MergePatch(current, body)
	case types.StrategicMergePatchType:
		o, newErr := c.platform.scheme.New(c.kind.gvk)
		if newErr != nil { // as a real API server refuses it for custom resources
			return nil, unsupportedPatch(kind)
		}
		result, err = strategicpatch.StrategicMergePatch(current, body, o)
	default:
		return nil, unsupportedPatch(kind)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return c.parse(result)
}

func unsupportedPatch(kind types.PatchType) error {
	err := apierrors.NewBadRequest("the body of the request was in an unknown format: " + string(kind))
	err.ErrStatus.Code, err.ErrStatus.Reason = http.StatusUnsupportedMediaType, "UnsupportedMediaType"
	return err
}
