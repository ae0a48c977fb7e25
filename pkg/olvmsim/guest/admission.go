package guest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

// admit fills in what an API server, or a controller that everybody waits for, would.
func admit(u *unstructured.Unstructured) {
	switch u.GroupVersionKind().GroupKind().String() {
	case "Namespace":
		setDefault(u, string(corev1.NamespaceActive), "status", "phase")
		setDefault(u, u.GetName(), "metadata", "labels", corev1.LabelMetadataName)
	case "Pod":
		setDefault(u, string(corev1.PodPending), "status", "phase")
	case "Secret":
		setDefault(u, string(corev1.SecretTypeOpaque), "type")
		text, _, _ := unstructured.NestedStringMap(u.Object, "stringData")
		for k, v := range text {
			_ = unstructured.SetNestedField(u.Object, base64.StdEncoding.EncodeToString([]byte(v)), "data", k)
		}
		delete(u.Object, "stringData")
	case "CustomResourceDefinition.apiextensions.k8s.io":
		establish(u)
	}
}

// setDefault sets a string where the object has none.
func setDefault(u *unstructured.Unstructured, value string, path ...string) {
	if old, _, _ := unstructured.NestedString(u.Object, path...); old == "" {
		_ = unstructured.SetNestedField(u.Object, value, path...)
	}
}

// establish marks a CustomResourceDefinition as served, which it is from here on.
func establish(u *unstructured.Unstructured) {
	names, _, _ := unstructured.NestedMap(u.Object, "spec", "names")
	versions, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
	stored := []any{}
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok && m["storage"] == true {
			stored = append(stored, m["name"])
		}
	}
	conditions, found, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	if !found {
		condition := func(kind, reason string) any {
			return map[string]any{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": time.Now().UTC().Format(time.RFC3339)}
		}
		conditions = []any{condition("NamesAccepted", "NoConflicts"), condition("Established", "InitialNamesAccepted")}
	}
	u.Object["status"] = map[string]any{"acceptedNames": names, "storedVersions": stored, "conditions": conditions}
}

// deleteOptions reads the body of a DELETE, or the options inside an Eviction.
func (c *call) deleteOptions() (*metav1.DeleteOptions, error) {
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	options := &metav1.DeleteOptions{}
	switch {
	case len(body) == 0:
	case isProtobuf(body):
		// Other kinds, which is an Eviction, are taken without their options.
		if o, _, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(body, nil, nil); err == nil {
			if decoded, ok := o.(*metav1.DeleteOptions); ok {
				options = decoded
			}
		}
	default:
		var eviction struct {
			Kind          string                `json:"kind"`
			DeleteOptions *metav1.DeleteOptions `json:"deleteOptions"`
		}
		if err = json.Unmarshal(body, &eviction); err == nil && eviction.Kind == "Eviction" {
			if eviction.DeleteOptions != nil {
				options = eviction.DeleteOptions
			}
		} else if err == nil {
			err = json.Unmarshal(body, options)
		}
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	return options, nil
}

// objectFields lets a field selector look at any field by its path.
type objectFields struct{ u *unstructured.Unstructured }

func (f objectFields) Has(field string) bool { return f.Get(field) != "" }

func (f objectFields) Get(field string) string {
	value, found, _ := unstructured.NestedFieldNoCopy(f.u.Object, strings.Split(field, ".")...)
	if !found {
		return ""
	}
	return fmt.Sprint(value)
}
