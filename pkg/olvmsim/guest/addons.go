package guest

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// createAddons creates what kubeadm init leaves in the API beside the first node: the objects that Cluster API reads
// and edits (kubeadm-config, kube-proxy, coredns), and what a user expects to find.
func (c *cluster) createAddons(ctx context.Context, config *kubeadmConfig) error {
	info, err := c.clusterInfo()
	if err != nil {
		return err
	}
	objects := []client.Object{
		configMap(kubeSystem, "kubeadm-config", map[string]string{"ClusterConfiguration": config.clusterDocument}),
		configMap(metav1.NamespacePublic, "cluster-info", map[string]string{"kubeconfig": info}),
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubeadm:get-nodes"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "system:bootstrappers:kubeadm:default-node-token"}},
		},
	}
	for _, name := range []string{metav1.NamespaceDefault, kubeSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease} {
		objects = append(objects, &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		})
	}
	skipped := func(addon string) bool {
		return slices.Contains(config.init.SkipPhases, "addon/"+addon) || slices.Contains(config.init.SkipPhases, "addon")
	}
	if !skipped("kube-proxy") {
		objects = append(objects, kubeProxy(config.cluster))
	}
	if !skipped("coredns") {
		objects = append(objects, configMap(kubeSystem, "coredns", map[string]string{"Corefile": corefile}), coreDNS(config.cluster))
	}
	for _, o := range objects {
		o.SetUID(newUID())
		if err := c.store.Create(ctx, o); err != nil {
			return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
		}
	}
	return nil
}

const corefile = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa
    forward . /etc/resolv.conf
}
`

// clusterInfo is the public part of a kubeconfig.
func (c *cluster) clusterInfo() (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[""] = &clientcmdapi.Cluster{Server: "https://" + c.endpoint, CertificateAuthorityData: pemCertificate(c.ca.cert.Raw)}
	text, err := clientcmd.Write(*config)
	if err != nil {
		return "", fmt.Errorf("write cluster-info: %w", err)
	}
	return string(text), nil
}

func configMap(namespace, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

func kubeProxy(config *clusterConfiguration) *appsv1.DaemonSet {
	selector, template := workload("kube-proxy", "kube-proxy", config.image("kube-proxy", config.KubernetesVersion, image{}))
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubeSystem, Name: "kube-proxy", Labels: selector.MatchLabels},
		Spec:       appsv1.DaemonSetSpec{Selector: selector, Template: template},
	}
}

func coreDNS(config *clusterConfiguration) *appsv1.Deployment {
	selector, template := workload("coredns", "kube-dns", config.image("coredns", "v1.12.1", config.DNS))
	replicas := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubeSystem, Name: "coredns", Labels: selector.MatchLabels},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: template},
	}
}

func workload(container, app, ref string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"k8s-app": app}
	return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: container, Image: ref}}},
	}
}
