package addon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

func settings() Settings {
	return Settings{
		PodSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/12"},
		APIServer: "https://192.0.2.10:6443", ProxyMode: "iptables",
		Images: Images{Flannel: "registry.example/flannel:current", CoreDNS: "registry.example/coredns:1", KubeProxy: "registry.example/proxy:2"},
	}
}

// decode finds an object of an add-on, and refuses fields that its kind does not have.
func decode[T any](t *testing.T, a Addon, kind, name string) *T {
	t.Helper()
	for _, o := range a.Objects {
		if o.GetKind() == kind && o.GetName() == name {
			into := new(T)
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, into, true))
			return into
		}
	}
	require.FailNow(t, "not found", "%s %s", kind, name)
	return nil
}

func TestEveryObjectIsOneOfItsKind(t *testing.T) {
	network, err := PodNetwork(settings())
	require.NoError(t, err)
	list, err := Kubernetes(settings())
	require.NoError(t, err)
	kinds := map[string]func(Addon, string){
		"Namespace":          func(a Addon, n string) { decode[corev1.Namespace](t, a, "Namespace", n) },
		"ServiceAccount":     func(a Addon, n string) { decode[corev1.ServiceAccount](t, a, "ServiceAccount", n) },
		"ConfigMap":          func(a Addon, n string) { decode[corev1.ConfigMap](t, a, "ConfigMap", n) },
		"Service":            func(a Addon, n string) { decode[corev1.Service](t, a, "Service", n) },
		"ClusterRole":        func(a Addon, n string) { decode[rbacv1.ClusterRole](t, a, "ClusterRole", n) },
		"ClusterRoleBinding": func(a Addon, n string) { decode[rbacv1.ClusterRoleBinding](t, a, "ClusterRoleBinding", n) },
		"DaemonSet":          func(a Addon, n string) { decode[appsv1.DaemonSet](t, a, "DaemonSet", n) },
		"Deployment":         func(a Addon, n string) { decode[appsv1.Deployment](t, a, "Deployment", n) },
	}
	for _, a := range append(list, network) {
		for _, o := range a.Objects {
			require.Contains(t, kinds, o.GetKind(), o.GetName())
			kinds[o.GetKind()](a, o.GetName())
		}
	}
}

func TestFlannelServesBothFamiliesOfADualStackCluster(t *testing.T) {
	for name, c := range map[string]struct {
		subnets []string
		want    string
	}{
		"IPv4": {[]string{"10.244.0.0/16"}, `{"Network":"10.244.0.0/16","EnableIPv4":true,"EnableIPv6":false,"Backend":{"Type":"vxlan"}}`},
		"dual stack": {
			[]string{"10.244.0.0/16", "fd01::/48"},
			`{"Network":"10.244.0.0/16","EnableIPv4":true,"IPv6Network":"fd01::/48","EnableIPv6":true,"Backend":{"Type":"vxlan"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			s.PodSubnets = c.subnets
			a, err := PodNetwork(s)
			require.NoError(t, err)
			data := decode[corev1.ConfigMap](t, a, "ConfigMap", "kube-flannel-cfg").Data
			require.JSONEq(t, c.want, data["net-conf.json"])
			require.True(t, json.Valid([]byte(data["cni-conf.json"])))
		})
	}
}

func TestTheCNIPluginIsInstalledOnlyWhereTheNodeHasNone(t *testing.T) {
	s := settings()
	a, err := PodNetwork(s)
	require.NoError(t, err)
	require.Len(t, decode[appsv1.DaemonSet](t, a, "DaemonSet", "kube-flannel-ds").Spec.Template.Spec.InitContainers, 1)

	s.Images.FlannelCNIPlugin = "registry.example/plugin:3"
	a, err = PodNetwork(s)
	require.NoError(t, err)
	first := decode[appsv1.DaemonSet](t, a, "DaemonSet", "kube-flannel-ds").Spec.Template.Spec.InitContainers[0]
	require.Equal(t, s.Images.FlannelCNIPlugin, first.Image)
}

func TestTheDNSServiceHasTheAddressesThatKubeletsAreTold(t *testing.T) {
	s := settings()
	s.ServiceSubnets = []string{"10.96.0.0/12", "fd02::/112"}
	list, err := Kubernetes(s)
	require.NoError(t, err)
	spec := decode[corev1.Service](t, list[1], "Service", "kube-dns").Spec
	require.Equal(t, "10.96.0.10", spec.ClusterIP)
	require.Equal(t, []string{"10.96.0.10", "fd02::a"}, spec.ClusterIPs)
}

func TestKubeProxyDoesNotReachTheAPIThroughAService(t *testing.T) {
	s := settings()
	s.PodSubnets = append(s.PodSubnets, "fd01::/48")
	list, err := Kubernetes(s)
	require.NoError(t, err)
	data := decode[corev1.ConfigMap](t, list[0], "ConfigMap", "kube-proxy").Data
	require.Contains(t, data["kubeconfig.conf"], `server: "https://192.0.2.10:6443"`)
	var config struct{ Mode, ClusterCIDR string }
	require.NoError(t, yaml.Unmarshal([]byte(data["config.conf"]), &config))
	require.Equal(t, "iptables", config.Mode)
	require.Equal(t, "10.244.0.0/16,fd01::/48", config.ClusterCIDR)
}

func TestWhatKubeadmInstallsIsLeftToIt(t *testing.T) {
	s := settings()
	s.Images.CoreDNS, s.Images.KubeProxy = "", ""
	list, err := Kubernetes(s)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestASubnetThatCannotBeUsedIsNamed(t *testing.T) {
	s := settings()
	s.PodSubnets = []string{"fd01::/48"}
	_, err := PodNetwork(s)
	require.ErrorContains(t, err, "no IPv4")
	s.ServiceSubnets = []string{"10.96.0.0/30"}
	_, err = Kubernetes(s)
	require.ErrorContains(t, err, "10.96.0.0/30")
	require.True(t, strings.HasPrefix(err.Error(), "service subnets: "))
}
