package contract

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

const (
	class    = "olvm"
	touching = "contract.example.com/touched"
)

// managedTopology is a Cluster of a ClusterClass. Cluster API compares templates with what it would apply, by server-side apply in a dry
// run, again and again: a provider that stores anything else than what was applied gets new templates, and new machines, without end.
func managedTopology(t *testing.T, f *fixture) {
	c := f.newCluster(t, "classy", 1, 1)
	c.createCredentials(t)
	c.createClass(t)
	require.NoError(t, c.Create(t.Context(), c.ofClass()))
	if !t.Run("created", func(t *testing.T) { c.running(t, 1, 1, anyMember) }) {
		return
	}
	for _, step := range []struct {
		name string
		take func(*testing.T)
	}{
		{"metadata of the cluster's template arrives", func(t *testing.T) {
			infra := get(t, c, get(t, c, c.name(), &clusterv1.Cluster{}).Spec.InfrastructureRef.Name, &infrav1.OLVMCluster{})
			require.Equal(t, "of-a-template", infra.Labels[testLabel])
			require.Equal(t, "also of a template", infra.Annotations[testLabel])
		}},
		{"nothing changes when nothing changes", c.expectNoChurn},
		{"an annotation changes nothing but annotations", c.expectAnnotated},
		{"a variable changes the workers", c.expectVariable},
		{"nothing changes afterwards", c.expectNoChurn},
		{"dry run of a template", c.expectDryRun},
		{"delete", func(t *testing.T) { c.delete(t) }},
	} {
		if !t.Run(step.name, step.take) {
			return
		}
	}
}

// createClass makes a ClusterClass of the objects that ocne would apply.
func (c *cluster) createClass(t *testing.T) {
	t.Helper()
	objects, err := c.config.Objects()
	require.NoError(t, err)
	metadata := clusterv1.ObjectMeta{
		Labels: map[string]string{testLabel: "of-a-template"}, Annotations: map[string]string{testLabel: "also of a template"},
	}
	for _, o := range objects {
		var made client.Object
		switch o := o.(type) {
		case *infrav1.OLVMCluster:
			template := &infrav1.OLVMClusterTemplate{ObjectMeta: c.meta(class)}
			template.Spec.Template = infrav1.OLVMClusterTemplateResource{ObjectMeta: metadata, Spec: o.Spec}
			template.Spec.Template.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{} // each cluster's own, by a variable
			made = template
		case *controlplanev1.KubeadmControlPlane:
			template := &controlplanev1.KubeadmControlPlaneTemplate{ObjectMeta: c.meta(class)}
			template.Spec.Template.Spec.KubeadmConfigSpec = o.Spec.KubeadmConfigSpec
			made = template
		case *infrav1.OLVMMachineTemplate:
			made = &infrav1.OLVMMachineTemplate{ObjectMeta: c.meta(o.Name), Spec: o.Spec}
		case *bootstrapv1.KubeadmConfigTemplate:
			made = &bootstrapv1.KubeadmConfigTemplate{ObjectMeta: c.meta(class), Spec: o.Spec}
		default:
			continue
		}
		require.NoError(t, c.Create(t.Context(), made))
	}
	require.NoError(t, c.Create(t.Context(), c.class()))
}

func (c *cluster) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: c.config.Namespace, Name: name}
}

func (c *cluster) class() *clusterv1.ClusterClass {
	template := func(group, version, kind, name string) clusterv1.ClusterClassTemplateReference {
		return clusterv1.ClusterClassTemplateReference{APIVersion: group + "/" + version, Kind: kind, Name: name}
	}
	olvm := func(kind, name string) clusterv1.ClusterClassTemplateReference {
		return template(infrav1.Group, infrav1.GroupVersion().Version, kind, name)
	}
	text := clusterv1.VariableSchema{OpenAPIV3Schema: clusterv1.JSONSchemaProps{Type: "string"}}
	patch := func(name, kind, path, value string, match clusterv1.PatchSelectorMatch) clusterv1.ClusterClassPatch {
		return clusterv1.ClusterClassPatch{Name: name, Definitions: []clusterv1.PatchDefinition{{
			Selector: clusterv1.PatchSelector{APIVersion: infrav1.GroupVersion().String(), Kind: kind, MatchResources: match},
			JSONPatches: []clusterv1.JSONPatch{{
				Op: "add", Path: "/spec/template/spec" + path, ValueFrom: &clusterv1.JSONPatchValue{Template: value},
			}},
		}}}
	}
	return &clusterv1.ClusterClass{ObjectMeta: c.meta(class), Spec: clusterv1.ClusterClassSpec{
		Infrastructure: clusterv1.InfrastructureClass{TemplateRef: olvm("OLVMClusterTemplate", class)},
		ControlPlane: clusterv1.ControlPlaneClass{
			TemplateRef: template(controlplanev1.GroupVersion.Group, controlplanev1.GroupVersion.Version, "KubeadmControlPlaneTemplate", class),
			MachineInfrastructure: clusterv1.ControlPlaneClassMachineInfrastructureTemplate{
				TemplateRef: olvm("OLVMMachineTemplate", c.name()+"-control-plane"),
			},
		},
		Workers: clusterv1.WorkersClass{MachineDeployments: []clusterv1.MachineDeploymentClass{{
			Class: "worker",
			Bootstrap: clusterv1.MachineDeploymentClassBootstrapTemplate{
				TemplateRef: template(bootstrapv1.GroupVersion.Group, bootstrapv1.GroupVersion.Version, "KubeadmConfigTemplate", class),
			},
			Infrastructure: clusterv1.MachineDeploymentClassInfrastructureTemplate{TemplateRef: olvm("OLVMMachineTemplate", c.name()+"-md-0")},
		}}},
		Variables: []clusterv1.ClusterClassVariable{
			{Name: "virtualIP", Required: ptr.To(true), Schema: text}, {Name: "memory", Required: ptr.To(true), Schema: text},
		},
		Patches: []clusterv1.ClusterClassPatch{
			patch("virtualIP", "OLVMClusterTemplate", "/controlPlaneEndpoint", "{host: {{ .virtualIP }}, port: 6443}",
				clusterv1.PatchSelectorMatch{InfrastructureCluster: ptr.To(true)}),
			patch("memory", "OLVMMachineTemplate", "/virtualMachine/memory", "{{ .memory }}", clusterv1.PatchSelectorMatch{
				MachineDeploymentClass: &clusterv1.PatchSelectorMatchMachineDeploymentClass{Names: []string{"worker"}},
			}),
		},
	}}
}

func (c *cluster) ofClass() *clusterv1.Cluster {
	variable := func(name, value string) clusterv1.ClusterVariable {
		return clusterv1.ClusterVariable{Name: name, Value: apiextensionsv1.JSON{Raw: []byte(strconv.Quote(value))}}
	}
	cluster := &clusterv1.Cluster{ObjectMeta: c.meta(c.name())}
	cluster.Spec.ClusterNetwork = clusterv1.ClusterNetwork{
		Pods: clusterv1.NetworkRanges{CIDRBlocks: c.config.PodSubnets}, Services: clusterv1.NetworkRanges{CIDRBlocks: c.config.ServiceSubnets},
	}
	cluster.Spec.Topology = clusterv1.Topology{
		ClassRef:     clusterv1.ClusterClassRef{Name: class},
		Version:      c.config.KubernetesVersion,
		ControlPlane: clusterv1.ControlPlaneTopology{Replicas: ptr.To[int32](1)},
		Workers: clusterv1.WorkersTopology{MachineDeployments: []clusterv1.MachineDeploymentTopology{
			{Class: "worker", Name: "md-0", Replicas: ptr.To[int32](1)},
		}},
		Variables: []clusterv1.ClusterVariable{variable("virtualIP", c.config.VirtualIP), variable("memory", "2GB")},
	}
	return cluster
}

// touch changes an annotation of the topology's workers and waits until it has arrived: the topology was reconciled.
func (c *cluster) touch(t *testing.T, value string) {
	t.Helper()
	patch(t, c, c.name(), &clusterv1.Cluster{}, func(cluster *clusterv1.Cluster) {
		cluster.Spec.Topology.Workers.MachineDeployments[0].Metadata.Annotations = map[string]string{touching: value}
	})
	programs.Eventually(t, "the topology is reconciled", func() (bool, string) {
		have := c.machineDeployment(t).Annotations[touching]
		return have == value, have
	})
}

func (c *cluster) machineDeployment(t *testing.T) *clusterv1.MachineDeployment {
	t.Helper()
	list := &clusterv1.MachineDeploymentList{}
	require.NoError(t, c.List(t.Context(), list, c.inNamespace()))
	require.Len(t, list.Items, 1)
	return &list.Items[0]
}

// versions are the generations and revisions of what a topology makes of the provider's templates.
func (c *cluster) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&infrav1.OLVMMachineTemplateList{}, &infrav1.OLVMClusterTemplateList{}} {
		require.NoError(t, c.List(t.Context(), list, c.inNamespace()))
		for _, o := range items(t, list) {
			versions[o.GetName()] = fmt.Sprintf("revision %s, generation %d", o.GetResourceVersion(), o.GetGeneration())
		}
	}
	infra := get(t, c, get(t, c, c.name(), &clusterv1.Cluster{}).Spec.InfrastructureRef.Name, &infrav1.OLVMCluster{})
	versions["OLVMCluster"] = fmt.Sprintf("generation %d", infra.Generation)
	return versions
}

func (c *cluster) expectNoChurn(t *testing.T) {
	before, ids := c.versions(t), c.ids(t)
	require.Len(t, before, 6, "two templates of machines and one of the class for each, the cluster's, and the OLVMCluster: %v", before)
	for i := range 3 {
		c.touch(t, fmt.Sprintf("time %d", i))
		require.Equal(t, before, c.versions(t))
	}
	require.Equal(t, ids, c.ids(t), "no machine was replaced")
}

func (c *cluster) ids(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range c.running(t, 1, 1, anyMember) {
		ids[m.vm.ID] = true
	}
	return ids
}

// expectAnnotated: an annotation of the topology goes to the machines in place.
func (c *cluster) expectAnnotated(t *testing.T) {
	before, ids := c.versions(t), c.ids(t)
	c.touch(t, "annotated")
	programs.Eventually(t, "the annotation arrives at the machine", func() (bool, string) {
		for _, m := range only(c.running(t, 1, 1, anyMember), worker) {
			if have := m.olvm.Annotations[touching]; have != "annotated" {
				return false, have
			}
		}
		return true, ""
	})
	require.Equal(t, before, c.versions(t))
	require.Equal(t, ids, c.ids(t), "no machine was replaced")
}

// expectVariable: another value makes one new template and rolls the workers out, once.
func (c *cluster) expectVariable(t *testing.T) {
	template := c.machineDeployment(t).Spec.Template.Spec.InfrastructureRef.Name
	before := c.running(t, 1, 1, anyMember)
	patch(t, c, c.name(), &clusterv1.Cluster{}, func(cluster *clusterv1.Cluster) {
		cluster.Spec.Topology.Variables[1].Value = apiextensionsv1.JSON{Raw: []byte(`"3GiB"`)}
	})
	after := c.running(t, 1, 1, func(m member) bool { return m.controlPlane() || m.vm.Memory == moreMemory })
	expectOthers(t, only(before, worker), only(after, worker))
	require.NotEqual(t, template, c.machineDeployment(t).Spec.Template.Spec.InfrastructureRef.Name)
	require.Equal(t, only(before, member.controlPlane)[0].vm.ID, only(after, member.controlPlane)[0].vm.ID, "the control plane stays")
	programs.Eventually(t, "the old template is removed", func() (bool, string) {
		versions := c.versions(t)
		_, there := versions[template]
		return !there, fmt.Sprint(versions)
	})
}

// expectDryRun: what is applied in a dry run over a template comes back as it is stored, so that Cluster API sees no difference.
func (c *cluster) expectDryRun(t *testing.T) {
	stored := get(t, c, c.name()+"-md-0", &infrav1.OLVMMachineTemplate{})
	applied := &infrav1.OLVMMachineTemplate{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion().String(), Kind: "OLVMMachineTemplate"},
		ObjectMeta: c.meta(stored.Name), Spec: stored.Spec,
	}
	applied.Annotations = map[string]string{clusterv1.TopologyDryRunAnnotation: ""}
	applied.Spec.Template.Spec.VirtualMachine.Memory = "4GiB"
	//nolint:staticcheck // the typed object is what is to be compared
	require.NoError(t, c.Patch(t.Context(), applied, client.Apply, client.DryRunAll, client.ForceOwnership, client.FieldOwner("capi-topology")))
	want := stored.Spec.DeepCopy()
	want.Template.Spec.VirtualMachine.Memory = "4GiB"
	require.Equal(t, *want, applied.Spec)
	require.Equal(t, stored.ResourceVersion, get(t, c, stored.Name, &infrav1.OLVMMachineTemplate{}).ResourceVersion)
}
