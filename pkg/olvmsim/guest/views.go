package guest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
)

// view turns objects into the representation that a client asked for.
type view func(body any) any

// chooseView reads the Accept header. Only nodes and pods have rows to print: kubectl shows other kinds by name and age.
func chooseView(r *http.Request, k kind) view {
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "as=Table;") && k.gvk.Group == "" && (k.gvk.Kind == "Node" || k.gvk.Kind == "Pod"):
		return asTable
	case strings.Contains(accept, "as=PartialObjectMetadata"):
		return asMetadata
	}
	return func(body any) any { return body }
}

// asMetadata returns the metadata of an object or of the objects of a list.
func asMetadata(body any) any {
	switch b := body.(type) {
	case *unstructured.UnstructuredList:
		list := &unstructured.UnstructuredList{Object: map[string]any{"metadata": b.Object["metadata"]}, Items: []unstructured.Unstructured{}}
		list.SetAPIVersion("meta.k8s.io/v1")
		list.SetKind("PartialObjectMetadataList")
		for i := range b.Items {
			list.Items = append(list.Items, *partial(&b.Items[i]))
		}
		return list
	case *unstructured.Unstructured:
		return partial(b)
	}
	return body
}

func partial(u *unstructured.Unstructured) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"metadata": u.Object["metadata"]}}
	o.SetAPIVersion("meta.k8s.io/v1")
	o.SetKind("PartialObjectMetadata")
	return o
}

// asTable returns a Table of a Node, a Pod or a list of them; anything else as it is.
func asTable(body any) any {
	var items []unstructured.Unstructured
	table := &metav1.Table{TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"}}
	switch b := body.(type) {
	case *unstructured.UnstructuredList:
		items, table.ResourceVersion = b.Items, b.GetResourceVersion()
	case *unstructured.Unstructured:
		items, table.ResourceVersion = []unstructured.Unstructured{*b}, b.GetResourceVersion()
	default:
		return body
	}
	columns := []string{"Name", "Status", "Roles", "Age", "Version"}
	for i := range items {
		cells := nodeCells
		if items[i].GetKind() == "Pod" {
			cells, columns = podCells, []string{"Name", "Ready", "Status", "Age", "Node"}
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: cells(&items[i]), Object: runtime.RawExtension{Object: partial(&items[i])}})
	}
	for _, c := range columns {
		table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: c, Type: "string"})
	}
	return table
}

func nodeCells(u *unstructured.Unstructured) []any {
	n := &corev1.Node{}
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, n)
	status, roles := "NotReady", []string{}
	if nodeReady(n) {
		status = "Ready"
	}
	if n.Spec.Unschedulable {
		status += ",SchedulingDisabled"
	}
	for label := range n.Labels {
		if role, ok := strings.CutPrefix(label, "node-role.kubernetes.io/"); ok {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	if len(roles) == 0 {
		roles = []string{"<none>"}
	}
	return []any{n.Name, status, strings.Join(roles, ","), age(u), n.Status.NodeInfo.KubeletVersion}
}

func podCells(u *unstructured.Unstructured) []any {
	p := &corev1.Pod{}
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, p)
	ready := 0
	for _, s := range p.Status.ContainerStatuses {
		if s.Ready {
			ready++
		}
	}
	return []any{p.Name, fmt.Sprintf("%d/%d", ready, len(p.Spec.Containers)), string(p.Status.Phase), age(u), p.Spec.NodeName}
}

func age(u *unstructured.Unstructured) string {
	return duration.HumanDuration(time.Since(u.GetCreationTimestamp().Time))
}
