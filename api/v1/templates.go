package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// OLVMClusterTemplateSpec is what a ClusterClass makes OLVMClusters from.
type OLVMClusterTemplateSpec struct {
	// template of the OLVMCluster.
	// +required
	Template OLVMClusterTemplateResource `json:"template"`
}

// OLVMClusterTemplateResource is the OLVMCluster to make. The endpoint is each cluster's own.
type OLVMClusterTemplateResource struct {
	// metadata of the OLVMCluster.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the OLVMCluster.
	// +required
	Spec OLVMClusterSpec `json:"spec"`
}

// OLVMClusterTemplate is what a ClusterClass makes OLVMClusters from.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=olvmclustertemplates,scope=Namespaced,categories=cluster-api,shortName=olvmct
// +kubebuilder:storageversion
type OLVMClusterTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec OLVMClusterTemplateSpec `json:"spec"`
}

// OLVMClusterTemplateList is a list of OLVMClusterTemplates.
//
// +kubebuilder:object:root=true
type OLVMClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OLVMClusterTemplate `json:"items"`
}

// OLVMMachineTemplateSpec is what control planes and machine deployments make OLVMMachines from.
type OLVMMachineTemplateSpec struct {
	// template of the OLVMMachine.
	// +required
	Template OLVMMachineTemplateResource `json:"template"`
}

// OLVMMachineTemplateResource is the OLVMMachine to make.
type OLVMMachineTemplateResource struct {
	// metadata of the OLVMMachine.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the OLVMMachine.
	// +required
	Spec OLVMMachineSpec `json:"spec"`
}

// OLVMMachineTemplateStatus is what is known of the machines that are made from the template.
type OLVMMachineTemplateStatus struct {
	// capacity of a machine, which the cluster autoscaler needs to know while there is none: see the Cluster API proposal "Opt-in
	// Autoscaling from Zero".
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`

	// nodeInfo is the architecture and the operating system of a machine's node.
	// +optional
	NodeInfo NodeInfo `json:"nodeInfo,omitempty,omitzero"`
}

// NodeInfo is the architecture and the operating system of a node.
// +kubebuilder:validation:MinProperties=1
type NodeInfo struct {
	// architecture as Kubernetes names it, such as amd64.
	// +optional
	// +kubebuilder:validation:Enum=amd64;arm64;s390x;ppc64le
	Architecture string `json:"architecture,omitempty"`

	// operatingSystem as Kubernetes names it.
	// +optional
	// +kubebuilder:validation:Enum=linux
	OperatingSystem string `json:"operatingSystem,omitempty"`
}

// OLVMMachineTemplate is what control planes and machine deployments make OLVMMachines from.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=olvmmachinetemplates,scope=Namespaced,categories=cluster-api,shortName=olvmmt
// +kubebuilder:storageversion
type OLVMMachineTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   OLVMMachineTemplateSpec   `json:"spec"`
	Status OLVMMachineTemplateStatus `json:"status,omitempty,omitzero"`
}

// OLVMMachineTemplateList is a list of OLVMMachineTemplates.
//
// +kubebuilder:object:root=true
type OLVMMachineTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OLVMMachineTemplate `json:"items"`
}
