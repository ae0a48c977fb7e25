package boot_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestKubeletGetsProviderIDAndNodeIP(t *testing.T) {
	const id, ip = "olvm://0a0b0c0d-1111-4222-8333-444455556666", "192.0.2.161"
	for name, tc := range map[string]struct{ before, after string }{
		"list since v1beta4": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n" +
				"  kubeletExtraArgs:\n  - name: v\n    value: \"3\"\n  taints: null\n",
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n  - name: v\n    value: \"3\"\n" +
				"  - name: provider-id\n    value: " + id + "\n  - name: node-ip\n    value: " + ip + "\n  taints: null\n",
		},
		"map up to v1beta3": {
			"apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n    v: \"3\"\n",
			"apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n    v: \"3\"\n" +
				"    provider-id: " + id + "\n    node-ip: " + ip + "\n",
		},
		"the user's node IP stays, the provider ID does not": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n" +
				"  - name: provider-id\n    value: a\n  - name: node-ip\n    value: 192.0.2.99\n  - name: provider-id\n    value: b\n",
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n" +
				"  - name: node-ip\n    value: 192.0.2.99\n  - name: provider-id\n    value: " + id + "\n",
		},
		"nothing registered yet, empty or null": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {}\n---\n" +
				"apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs: null\n",
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n" +
				"  - name: provider-id\n    value: " + id + "\n  - name: node-ip\n    value: " + ip + "\n---\n" +
				"apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n" +
				"    provider-id: " + id + "\n    node-ip: " + ip + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "worker.json")
			in.Bootstrap = inline(t, "/etc/kubeadm.yml", tc.before)
			got, mode := file(t, document(t, in), "/etc/kubeadm.yml")
			require.Equal(t, tc.after, got)
			require.Equal(t, 0o600, mode)
		})
	}
}

func TestClusterConfigurationStaysByteForByte(t *testing.T) {
	const cluster = "---\n# odd   but valid\nkind:   ClusterConfiguration\napiVersion: \"kubeadm.k8s.io/v1beta4\"\nzeta: {b: 1, a: 2}\n---\n"
	in := input(t, "worker.json")
	in.Bootstrap = inline(t, "/etc/kubeadm.yml", cluster+"kind: InitConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\n")
	got, _ := file(t, document(t, in), "/etc/kubeadm.yml")
	require.True(t, strings.HasPrefix(got, cluster+"kind: InitConfiguration\n"), got)
}

func TestNodeIPHasBothStacks(t *testing.T) {
	in := input(t, "worker.json")
	in.Network.IPv6 = netip.MustParsePrefix("fd00::10/64")
	got, _ := file(t, document(t, in), "/etc/kubeadm.yml")
	require.Contains(t, got, "value: 192.0.2.161,fd00::10\n")
}

func TestKubeletArgumentsInAnotherFormThanTheAPIVersionsAreRefused(t *testing.T) {
	in := input(t, "worker.json")
	in.Bootstrap = inline(t, "/etc/kubeadm.yml",
		"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n    v: \"3\"\n")
	_, err := boot.Document(in)
	require.ErrorContains(t, err, "kubeletExtraArgs is not in the form of the document's apiVersion")
}
