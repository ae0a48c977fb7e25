package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/config/crd"
	"github.com/ocne-project/ocne/internal/capi/manifests"
	"github.com/ocne-project/ocne/test/programs"
)

const clusterName = "demo"

// bootstrapData is what a bootstrap provider leaves behind, without anything in it: no guest reads it.
const bootstrapData = `{"ignition":{"version":"2.3.0"}}`

// clusterAPI plays the part of Cluster API core and a bootstrap provider for one cluster: it makes the objects, and copies what
// core copies between them.
type clusterAPI struct {
	client.Client
	namespace string
	engineURL string
	engineCA  []byte
	// ipv4 is what the machines may take.
	ipv4 infrav1.IPv4
	// shape changes the VMs of the machines that are made from then on; nil leaves them as they are.
	shape func(*infrav1.VirtualMachine)
}

// installCRDs installs the kinds that the provider's controllers read and write, without webhooks: nobody serves them here.
func installCRDs(t *testing.T, c client.Client) {
	t.Helper()
	ctx := context.Background()
	var names []string
	install := func(files fs.FS, pattern string) {
		found, err := fs.Glob(files, pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, name := range found {
			raw, err := fs.ReadFile(files, name)
			require.NoError(t, err)
			definition := &apiextensionsv1.CustomResourceDefinition{}
			require.NoError(t, yaml.Unmarshal(raw, definition), name)
			definition.Spec.Conversion = nil
			require.NoError(t, c.Create(ctx, definition), name)
			names = append(names, definition.Name)
		}
	}
	install(manifests.Files(), "core/cluster.x-k8s.io_clusters.yaml")
	install(manifests.Files(), "core/cluster.x-k8s.io_machines.yaml")
	install(manifests.Files(), "core/ipam.cluster.x-k8s.io_ipaddresses.yaml")
	install(manifests.Files(), "core/ipam.cluster.x-k8s.io_ipaddressclaims.yaml")
	install(crd.Files(), "olvmclusters.yaml")
	install(crd.Files(), "olvmmachines.yaml")
	install(crd.Files(), "olvmmachinetemplates.yaml")
	programs.Eventually(t, "the CRDs are served", func() (bool, string) {
		for _, name := range names {
			definition := &apiextensionsv1.CustomResourceDefinition{}
			if err := c.Get(ctx, client.ObjectKey{Name: name}, definition); err != nil || !established(definition) {
				return false, name
			}
		}
		return true, ""
	})
}

func established(definition *apiextensionsv1.CustomResourceDefinition) bool {
	for _, condition := range definition.Status.Conditions {
		if condition.Type == apiextensionsv1.Established {
			return condition.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

func (a clusterAPI) metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: a.namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: clusterName}}
}

// createCluster makes a cluster whose infrastructure is still to come.
func (a clusterAPI) createCluster(ctx context.Context) error {
	cluster := &clusterv1.Cluster{ObjectMeta: a.metadata(clusterName), Spec: clusterv1.ClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "192.0.2.1", Port: 6443},
		InfrastructureRef:    clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMCluster", Name: clusterName},
	}}
	olvm := &infrav1.OLVMCluster{ObjectMeta: a.metadata(clusterName), Spec: infrav1.OLVMClusterSpec{
		ControlPlaneEndpoint: cluster.Spec.ControlPlaneEndpoint,
		OLVMDatacenterName:   "Default",
		OLVMOvirtAPIServer: infrav1.OvirtAPIServer{
			ServerURL: a.engineURL, CredentialsSecret: infrav1.ObjectReference{Name: "engine"}, CAConfigMap: &infrav1.ObjectReference{Name: "engine-ca"},
		},
	}}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}},
		&corev1.Secret{ObjectMeta: a.metadata("engine"), StringData: map[string]string{"username": programs.Username, "password": programs.Password}},
		&corev1.ConfigMap{ObjectMeta: a.metadata("engine-ca"), Data: map[string]string{"ca.crt": string(a.engineCA)}},
		&corev1.Secret{ObjectMeta: a.metadata("bootstrap"), StringData: map[string]string{"value": bootstrapData, "format": "ignition"}},
		cluster,
	} {
		if err := a.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	olvm.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(cluster, clusterv1.GroupVersion.WithKind("Cluster"))}
	return a.Create(ctx, olvm)
}

// createMachine makes a machine whose bootstrap data is there.
func (a clusterAPI) createMachine(ctx context.Context, name string) error {
	machine := &clusterv1.Machine{ObjectMeta: a.metadata(name), Spec: clusterv1.MachineSpec{
		ClusterName:       clusterName,
		Bootstrap:         clusterv1.Bootstrap{DataSecretName: ptr.To("bootstrap")},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMMachine", Name: name},
	}}
	machine.Labels[clusterv1.MachineDeploymentNameLabel] = "md" // so that its VM has siblings
	if err := a.Create(ctx, machine); err != nil {
		return fmt.Errorf("create Machine %s: %w", name, err)
	}
	olvm := &infrav1.OLVMMachine{ObjectMeta: a.metadata(name), Spec: infrav1.OLVMMachineSpec{
		OLVMOvirtClusterName: "Default",
		VMTemplateName:       "ock",
		OLVMNetwork:          infrav1.OLVMNetwork{NetworkName: "ovirtmgmt", VNICProfileName: "ovirtmgmt"},
		VirtualMachine:       infrav1.VirtualMachine{Memory: "1GB", Network: infrav1.Network{IPv4: a.ipv4}},
	}}
	if a.shape != nil {
		a.shape(&olvm.Spec.VirtualMachine)
	}
	olvm.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(machine, clusterv1.GroupVersion.WithKind("Machine"))}
	return a.Create(ctx, olvm)
}

// follow does what core does when infrastructure has come, and what a node does that registers.
func (a clusterAPI) follow(ctx context.Context) error {
	olvmCluster, cluster := &infrav1.OLVMCluster{}, &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: a.namespace, Name: clusterName}
	if err := errors.Join(a.Get(ctx, key, olvmCluster), a.Get(ctx, key, cluster)); err != nil {
		return client.IgnoreNotFound(err)
	}
	if provisioned(olvmCluster.Status.Initialization) && !ptr.Deref(cluster.Status.Initialization.InfrastructureProvisioned, false) {
		cluster.Status.Initialization.InfrastructureProvisioned = ptr.To(true)
		if err := a.Status().Update(ctx, cluster); err != nil {
			return fmt.Errorf("Cluster: %w", err)
		}
	}
	olvmMachines, machines := &infrav1.OLVMMachineList{}, &clusterv1.MachineList{}
	if err := errors.Join(a.List(ctx, olvmMachines, client.InNamespace(a.namespace)), a.List(ctx, machines, client.InNamespace(a.namespace))); err != nil {
		return err
	}
	byName := map[string]*clusterv1.Machine{}
	for i := range machines.Items {
		byName[machines.Items[i].Name] = &machines.Items[i]
	}
	for i := range olvmMachines.Items {
		if err := a.followMachine(ctx, &olvmMachines.Items[i], byName[olvmMachines.Items[i].Name]); err != nil {
			return fmt.Errorf("Machine %s: %w", olvmMachines.Items[i].Name, err)
		}
	}
	return nil
}

func (a clusterAPI) followMachine(ctx context.Context, olvm *infrav1.OLVMMachine, machine *clusterv1.Machine) error {
	if machine == nil || !provisioned(olvm.Status.Initialization) || machine.Status.NodeRef.IsDefined() {
		return nil
	}
	if machine.Spec.ProviderID == "" {
		machine.Spec.ProviderID = olvm.Spec.ProviderID
		if err := a.Update(ctx, machine); err != nil {
			return err
		}
	}
	machine.Status.NodeRef = clusterv1.MachineNodeReference{Name: machine.Name}
	return a.Status().Update(ctx, machine)
}

func provisioned(i infrav1.Initialization) bool { return ptr.Deref(i.Provisioned, false) }

// deleteAll deletes the infrastructure of the cluster and its machines; the owners stay until it is gone, as in Cluster API.
func (a clusterAPI) deleteAll(ctx context.Context) error {
	return errors.Join(
		a.DeleteAllOf(ctx, &infrav1.OLVMMachine{}, client.InNamespace(a.namespace)),
		a.DeleteAllOf(ctx, &infrav1.OLVMCluster{}, client.InNamespace(a.namespace)),
	)
}

// remains says what is left of the infrastructure, and who still holds the credentials.
func (a clusterAPI) remains(ctx context.Context) (string, error) {
	var left []string
	machines, clusters := &infrav1.OLVMMachineList{}, &infrav1.OLVMClusterList{}
	if err := errors.Join(a.List(ctx, machines, client.InNamespace(a.namespace)), a.List(ctx, clusters, client.InNamespace(a.namespace))); err != nil {
		return "", err
	}
	for i := range machines.Items {
		left = append(left, fmt.Sprintf("OLVMMachine %s %+v", machines.Items[i].Name, machines.Items[i].Status.Conditions))
	}
	for i := range clusters.Items {
		left = append(left, "OLVMCluster "+clusters.Items[i].Name)
	}
	return strings.Join(left, "; "), nil
}

// isConflict says that somebody else wrote meanwhile; the next look tries again.
func isConflict(err error) bool { return apierrors.IsConflict(err) }
