package guest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// discovery answers what clients ask to learn which kinds there are.
func (h *clusterHandler) discovery(w http.ResponseWriter, r *http.Request) {
	kinds, err := h.allKinds(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	path := strings.Trim(r.URL.Path, "/")
	parts := strings.Split(path, "/")
	var body any
	switch {
	case path == "":
		body = metav1.RootPaths{Paths: []string{"/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"}}
	case path == "api":
		body = &metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}
	case path == "apis":
		body = kinds.groups()
	case parts[0] == "apis" && len(parts) == 2:
		body = kinds.group(parts[1])
	case parts[0] == "api" && len(parts) == 2:
		body = kinds.resources(schema.GroupVersion{Version: parts[1]})
	case parts[0] == "apis" && len(parts) == 3:
		body = kinds.resources(schema.GroupVersion{Group: parts[1], Version: parts[2]})
	case path == "openapi/v3":
		body = kinds.openAPIPaths()
	case strings.HasPrefix(path, "openapi/v3/"):
		body = kinds.openAPI(strings.TrimPrefix(path, "openapi/v3/"))
	}
	if none(body) {
		writeError(w, notFound("the server could not find the requested resource"))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func none(body any) bool {
	switch b := body.(type) {
	case nil:
		return true
	case metav1.APIGroup:
		return len(b.Versions) == 0
	case metav1.APIResourceList:
		return len(b.APIResources) == 0
	}
	return false
}

func (t kindTable) groups() metav1.APIGroupList {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	names := map[string]bool{}
	for gvr := range t {
		names[gvr.Group] = gvr.Group != ""
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] {
			list.Groups = append(list.Groups, t.group(name))
		}
	}
	return list
}

func (t kindTable) group(name string) metav1.APIGroup {
	versions := map[string]bool{}
	for gvr := range t {
		if gvr.Group == name {
			versions[gvr.Version] = true
		}
	}
	sorted := slices.SortedFunc(maps.Keys(versions), func(a, b string) int { return version.CompareKubeAwareVersionStrings(b, a) })
	group := metav1.APIGroup{TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}, Name: name}
	for _, v := range sorted {
		group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{GroupVersion: name + "/" + v, Version: v})
	}
	if len(group.Versions) > 0 {
		group.PreferredVersion = group.Versions[0]
	}
	return group
}

func (t kindTable) resources(gv schema.GroupVersion) metav1.APIResourceList {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	for gvr, k := range t {
		if gvr.GroupVersion() != gv {
			continue
		}
		resource := metav1.APIResource{
			Name: gvr.Resource, SingularName: k.singular, Namespaced: k.namespaced, Kind: k.gvk.Kind, ShortNames: k.shortNames,
			Verbs: metav1.Verbs{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"},
		}
		list.APIResources = append(list.APIResources, resource)
		if k.status {
			resource.Name, resource.SingularName, resource.ShortNames = gvr.Resource+"/status", "", nil
			resource.Verbs = metav1.Verbs{"get", "patch", "update"}
			list.APIResources = append(list.APIResources, resource)
		}
	}
	if gv.String() == "v1" { // a drain looks for it to learn the version of evictions
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: "pods/eviction", Namespaced: true, Group: "policy", Version: "v1", Kind: "Eviction", Verbs: metav1.Verbs{"create"},
		})
	}
	slices.SortFunc(list.APIResources, func(a, b metav1.APIResource) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func openAPIPath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "api/" + gv.Version
	}
	return "apis/" + gv.String()
}

func (t kindTable) openAPIPaths() any {
	paths := map[string]any{}
	for gvr := range t {
		path := openAPIPath(gvr.GroupVersion())
		paths[path] = map[string]string{"serverRelativeURL": "/openapi/v3/" + path}
	}
	return map[string]any{"paths": paths}
}

// openAPI says no more than that a patch of every kind takes fieldValidation. That is what kubectl looks for: it then
// leaves the validation to the server.
func (t kindTable) openAPI(groupVersion string) any {
	paths := map[string]any{}
	for gvr, k := range t {
		if openAPIPath(gvr.GroupVersion()) != groupVersion {
			continue
		}
		paths["/"+groupVersion+"/"+gvr.Resource+"/{name}"] = map[string]any{"patch": map[string]any{
			"x-kubernetes-group-version-kind": map[string]string{"group": k.gvk.Group, "version": k.gvk.Version, "kind": k.gvk.Kind},
			"parameters":                      []any{map[string]string{"name": "fieldValidation", "in": "query"}},
		}}
	}
	if len(paths) == 0 {
		return nil
	}
	return map[string]any{"openapi": "3.0.0", "info": map[string]string{"title": "olvmsim instant guests", "version": "v1"}, "paths": paths}
}
