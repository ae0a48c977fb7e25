package packages

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const (
	// ClassName is the ClusterClass's, and by clusterctl's contract what its file is called after.
	ClassName = "olvm"
	// WorkerClass is the class of the topology's MachineDeployments.
	WorkerClass = "worker"

	classControlPlane = ClassName + "-control-plane"
	classWorker       = ClassName + "-worker"
	// byVariable stands in fields of the class's templates that may not be empty.
	byVariable = "set-by-a-variable"
)

// clusterClass is the file with the ClusterClass and its templates. Everything that may ever change is in the class, its variables and its
// patches: the templates only name the kinds, because Cluster API lets nobody change those of kubeadm, and new ones would replace machines.
func clusterClass(crds map[string][]byte) (map[string][]byte, error) {
	class, err := newClass(crds)
	if err != nil {
		return nil, fmt.Errorf("ClusterClass %s: %w", ClassName, err)
	}
	content, err := documents(append([]runtime.Object{class}, classTemplates()...), func(text string) string { return text })
	if err != nil {
		return nil, err
	}
	return map[string][]byte{ClusterctlDir + "/clusterclass-" + ClassName + ".yaml": content}, nil
}

// newClass gives the objects of a cluster the names that those of ocne have.
func newClass(crds map[string][]byte) (*clusterv1.ClusterClass, error) {
	variables, err := classVariables(crds)
	if err != nil {
		return nil, err
	}
	patches, err := classPatches(variables)
	if err != nil {
		return nil, err
	}
	checks, err := healthChecks()
	if err != nil {
		return nil, err
	}
	class := &clusterv1.ClusterClass{
		TypeMeta:   metav1.TypeMeta{APIVersion: clusterv1.GroupVersion.String(), Kind: "ClusterClass"},
		ObjectMeta: metav1.ObjectMeta{Name: ClassName},
	}
	class.Spec = clusterv1.ClusterClassSpec{
		Infrastructure: clusterv1.InfrastructureClass{
			TemplateRef: olvmTemplate("OLVMClusterTemplate", ClassName),
			Naming:      clusterv1.InfrastructureClassNamingSpec{Template: "{{ .cluster.name }}"},
		},
		ControlPlane: clusterv1.ControlPlaneClass{
			TemplateRef: templateRef(controlplanev1.GroupVersion.String(), "KubeadmControlPlaneTemplate", classControlPlane),
			MachineInfrastructure: clusterv1.ControlPlaneClassMachineInfrastructureTemplate{
				TemplateRef: olvmTemplate("OLVMMachineTemplate", classControlPlane),
			},
			Naming:      clusterv1.ControlPlaneClassNamingSpec{Template: "{{ .cluster.name }}-control-plane"},
			HealthCheck: checks.controlPlane,
		},
		Workers: clusterv1.WorkersClass{MachineDeployments: []clusterv1.MachineDeploymentClass{{
			Class: WorkerClass,
			Bootstrap: clusterv1.MachineDeploymentClassBootstrapTemplate{
				TemplateRef: templateRef(bootstrapv1.GroupVersion.String(), "KubeadmConfigTemplate", classWorker),
			},
			Infrastructure: clusterv1.MachineDeploymentClassInfrastructureTemplate{TemplateRef: olvmTemplate("OLVMMachineTemplate", classWorker)},
			Naming:         clusterv1.MachineDeploymentClassNamingSpec{Template: "{{ .cluster.name }}-{{ .machineDeployment.topologyName }}"},
			HealthCheck:    checks.workers,
		}}},
		Variables: variables,
		Patches:   patches,
	}
	return class, nil
}

func templateRef(apiVersion, kind, name string) clusterv1.ClusterClassTemplateReference {
	return clusterv1.ClusterClassTemplateReference{APIVersion: apiVersion, Kind: kind, Name: name}
}

func olvmTemplate(kind, name string) clusterv1.ClusterClassTemplateReference {
	return templateRef(infrav1.GroupVersion().String(), kind, name)
}

// classTemplates are valid, and nothing of them reaches a cluster.
func classTemplates() []runtime.Object {
	meta := func(apiVersion, kind, name string) (metav1.TypeMeta, metav1.ObjectMeta) {
		return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}, metav1.ObjectMeta{Name: name}
	}
	cluster := &infrav1.OLVMClusterTemplate{}
	cluster.TypeMeta, cluster.ObjectMeta = meta(infrav1.GroupVersion().String(), "OLVMClusterTemplate", ClassName)
	cluster.Spec.Template.Spec = infrav1.OLVMClusterSpec{
		OLVMDatacenterName: byVariable,
		OLVMOvirtAPIServer: infrav1.OvirtAPIServer{
			ServerURL: "https://" + byVariable, CredentialsSecret: infrav1.ObjectReference{Name: byVariable},
		},
	}
	controlPlane := &controlplanev1.KubeadmControlPlaneTemplate{}
	controlPlane.TypeMeta, controlPlane.ObjectMeta = meta(controlplanev1.GroupVersion.String(), "KubeadmControlPlaneTemplate", classControlPlane)
	controlPlane.Spec.Template.Spec.KubeadmConfigSpec.Format = bootstrapv1.Ignition
	workers := &bootstrapv1.KubeadmConfigTemplate{}
	workers.TypeMeta, workers.ObjectMeta = meta(bootstrapv1.GroupVersion.String(), "KubeadmConfigTemplate", classWorker)
	workers.Spec.Template.Spec.Format = bootstrapv1.Ignition
	objects := []runtime.Object{cluster, controlPlane, workers}
	for _, name := range []string{classControlPlane, classWorker} {
		machines := &infrav1.OLVMMachineTemplate{}
		machines.TypeMeta, machines.ObjectMeta = meta(infrav1.GroupVersion().String(), "OLVMMachineTemplate", name)
		machines.Spec.Template.Spec = infrav1.OLVMMachineSpec{
			VMTemplateName: byVariable,
			OLVMNetwork:    infrav1.OLVMNetwork{NetworkName: byVariable, VNICProfileName: byVariable},
			VirtualMachine: infrav1.VirtualMachine{
				Memory:  "1GB",
				Network: infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.1"}}},
			},
		}
		objects = append(objects, machines)
	}
	return objects
}

// classHealthChecks are those that ocne makes.
type classHealthChecks struct {
	controlPlane clusterv1.ControlPlaneClassHealthCheck
	workers      clusterv1.MachineDeploymentClassHealthCheck
}

func healthChecks() (checks classHealthChecks, err error) {
	objects, err := clusterConfig().Objects()
	if err != nil {
		return checks, err
	}
	for _, object := range objects {
		switch o := object.(type) {
		case *clusterv1.MachineHealthCheck:
			if _, found := o.Spec.Selector.MatchLabels[clusterv1.MachineControlPlaneLabel]; found {
				checks.controlPlane.Checks = clusterv1.ControlPlaneClassHealthCheckChecks(o.Spec.Checks)
			} else {
				checks.workers.Checks = clusterv1.MachineDeploymentClassHealthCheckChecks(o.Spec.Checks)
			}
		case *clusterv1.MachineDeployment:
			checks.workers.Remediation.MaxInFlight = o.Spec.Remediation.MaxInFlight
		}
	}
	return checks, nil
}
