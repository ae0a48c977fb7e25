package packages

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const (
	managerName       = name + "-controller-manager"
	metricsService    = managerName + "-metrics-service"
	metricsReaderRole = name + "-metrics-reader"
	metricsPort       = 8443
	// metricsPortName is what the Service of the existing chart's values points to.
	metricsPortName = "https"
	healthPort      = 9440
	healthPortName  = "healthz"
)

func labels() map[string]string {
	return map[string]string{"cluster.x-k8s.io/provider": provider, "control-plane": "controller-manager"}
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: labels()}
}

func clusterWide(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels()}
}

// objectsOf are everything but the CRDs and the Namespace, in the order to apply them.
func objectsOf(root, version string) ([]*unstructured.Unstructured, error) {
	roles, err := readRoles(root)
	if err != nil {
		return nil, err
	}
	account := &corev1.ServiceAccount{TypeMeta: typeMeta("v1", "ServiceAccount"), ObjectMeta: meta(managerName)}
	var objects []*unstructured.Unstructured
	for _, object := range slices.Concat([]runtime.Object{account}, roles, []runtime.Object{metricsReader(), service(), deployment(version)}) {
		encoded, err := encode(object)
		if err != nil {
			return nil, err
		}
		objects = append(objects, encoded)
	}
	return objects, nil
}

func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func rbacMeta(kind string) metav1.TypeMeta {
	return typeMeta(rbacv1.SchemeGroupVersion.String(), kind)
}

// readRoles reads the roles that controller-gen made of the markers, and binds each to the manager.
func readRoles(root string) ([]runtime.Object, error) {
	content, err := os.ReadFile(filepath.Join(root, "config", "rbac", "role.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read the roles: %w", err)
	}
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Name: managerName, Namespace: Namespace}}
	var objects []runtime.Object
	for document := range strings.SplitSeq(strings.TrimPrefix(string(content), "---\n"), "\n---\n") {
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict([]byte(document), role); err != nil {
			return nil, fmt.Errorf("config/rbac/role.yaml: %w", err)
		}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: role.Name}
		switch role.Kind {
		case "ClusterRole":
			role.ObjectMeta = clusterWide(role.Name)
			objects = append(objects, role, &rbacv1.ClusterRoleBinding{
				TypeMeta: rbacMeta("ClusterRoleBinding"), ObjectMeta: clusterWide(role.Name + "binding"), RoleRef: ref, Subjects: subjects,
			})
		case "Role":
			role.ObjectMeta = meta(role.Name)
			own := &rbacv1.Role{TypeMeta: role.TypeMeta, ObjectMeta: role.ObjectMeta, Rules: role.Rules}
			objects = append(objects, own, &rbacv1.RoleBinding{
				TypeMeta: rbacMeta("RoleBinding"), ObjectMeta: meta(role.Name + "binding"), RoleRef: ref, Subjects: subjects,
			})
		default:
			return nil, fmt.Errorf("config/rbac/role.yaml holds a %q", role.Kind)
		}
	}
	return objects, nil
}

// metricsReader is bound by whoever collects the metrics.
func metricsReader() runtime.Object {
	return &rbacv1.ClusterRole{
		TypeMeta: rbacMeta("ClusterRole"), ObjectMeta: clusterWide(metricsReaderRole),
		Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}
}

func service() runtime.Object {
	return &corev1.Service{
		TypeMeta: typeMeta("v1", "Service"), ObjectMeta: meta(metricsService),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: labels(),
			Ports: []corev1.ServicePort{{
				Name: metricsPortName, Port: metricsPort, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString(metricsPortName),
			}},
		},
	}
}
