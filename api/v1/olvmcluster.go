package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// ClusterFinalizer keeps an OLVMCluster until all its machines are gone.
const ClusterFinalizer = "olvmcluster.infrastructure.cluster.x-k8s.io"

// CredentialsFinalizer keeps the credentials Secret and the CA ConfigMap while OLVMClusters need them to clean up: each has its own, which
// begins with this.
const CredentialsFinalizer = "olvmcluster.infrastructure.cluster.x-k8s.io/credentials"

// AbandonAnnotation says, with any value but "false", on an OLVMMachine, or on an OLVMCluster for all its machines, that the engine is gone
// for good: when the machine is deleted, its object goes without anything being asked of the engine. What is left there is left.
const AbandonAnnotation = "infrastructure.cluster.x-k8s.io/abandon"

// Abandoned says whether an object has the AbandonAnnotation.
func Abandoned(o metav1.Object) bool {
	value, ok := o.GetAnnotations()[AbandonAnnotation]
	return ok && value != "false"
}

// OLVMClusterSpec is the desired state of a cluster's infrastructure.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.controlPlaneEndpointFromPool) || !has(oldSelf.controlPlaneEndpoint) || !has(oldSelf.controlPlaneEndpoint.host) || (has(self.controlPlaneEndpoint) && has(self.controlPlaneEndpoint.host) && self.controlPlaneEndpoint.host == oldSelf.controlPlaneEndpoint.host)",message="controlPlaneEndpoint.host came from controlPlaneEndpointFromPool and cannot change"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.controlPlaneEndpointFromPool) || (has(self.controlPlaneEndpointFromPool) && self.controlPlaneEndpointFromPool == oldSelf.controlPlaneEndpointFromPool)",message="controlPlaneEndpointFromPool cannot change once it is set"
// +kubebuilder:validation:XValidation:rule="(has(oldSelf.loadBalancer) && has(oldSelf.loadBalancer.virtualRouterID) ? oldSelf.loadBalancer.virtualRouterID : 0) == (has(self.loadBalancer) && has(self.loadBalancer.virtualRouterID) ? self.loadBalancer.virtualRouterID : 0)",message="loadBalancer.virtualRouterID cannot change: nodes with different ones would all hold the virtual IP"
type OLVMClusterSpec struct {
	// controlPlaneEndpoint is the virtual IP and the port of the cluster's API. Without a host, that of the Cluster's controlPlaneEndpoint is
	// written here; the port is 6443 unless either sets one.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.host) || !self.host.contains(':')",message="the virtual IP must be an IPv4 address: IPv6 alone is not supported"
	ControlPlaneEndpoint clusterv1.APIEndpoint `json:"controlPlaneEndpoint,omitempty,omitzero"`

	// controlPlaneEndpointFromPool lets an IPAM provider of Cluster API give the virtual IP. The controller writes it to
	// controlPlaneEndpoint.host, once; the port is 6443 unless it is set. A host that is set beside it must be the address that the pool
	// gives, as it is when the object is moved to another management cluster.
	// +optional
	ControlPlaneEndpointFromPool *PoolReference `json:"controlPlaneEndpointFromPool,omitempty"`

	// olvmDatacenterName is the engine's data center that all machines are made in.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	OLVMDatacenterName string `json:"olvmDatacenterName"`

	// olvmOvirtAPIServer says how to reach the engine.
	// +required
	OLVMOvirtAPIServer OvirtAPIServer `json:"olvmOvirtAPIServer"`

	// loadBalancer says how the virtual IP reaches the API servers.
	// +optional
	LoadBalancer LoadBalancer `json:"loadBalancer,omitempty,omitzero"`

	// failureDomains are parts of the data center that machines may be spread over. Cluster API spreads the control plane nodes; a
	// MachineDeployment names its domain.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	FailureDomains []FailureDomain `json:"failureDomains,omitempty"`
}

// OvirtAPIServer says how to reach the engine's REST API.
type OvirtAPIServer struct {
	// serverURL is the engine's base URL, for example https://engine.example.com/ovirt-engine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.startsWith('https://')",message="serverURL must start with https://"
	ServerURL string `json:"serverURL"`

	// credentialsSecret names the Secret with the keys username, password and, optionally, scope.
	// +required
	CredentialsSecret ObjectReference `json:"credentialsSecret"`

	// caConfigMap names a ConfigMap; every key of it holds PEM certificates to trust (by convention ca.crt). Without it, or
	// when it does not exist, the system's own roots are trusted.
	// +optional
	CAConfigMap *ObjectReference `json:"caConfigMap,omitempty"`

	// insecureSkipTLSVerify turns the verification of the engine's certificate off.
	// +optional
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
}

// ObjectReference names an object; the namespace defaults to that of the referring object.
type ObjectReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// namespace of the object.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// OLVMClusterStatus is the observed state of a cluster's infrastructure.
type OLVMClusterStatus struct {
	// initialization follows the Cluster API contract.
	// +optional
	Initialization Initialization `json:"initialization,omitempty,omitzero"`

	// conditions of the cluster's infrastructure; Ready sums them up.
	// +optional
	Conditions Conditions `json:"conditions,omitempty"`

	// failureDomains that machines may be spread over.
	// +optional
	FailureDomains FailureDomains `json:"failureDomains,omitempty"`

	// addressPools are the pools that the cluster's machines take their addresses from.
	// +optional
	// +listType=atomic
	AddressPools []AddressPoolStatus `json:"addressPools,omitempty"`

	// olvmDatacenter is what the controller found in the engine.
	// +optional
	OLVMDatacenter *DatacenterStatus `json:"olvmDatacenter,omitempty"`
}

// Initialization says whether the infrastructure has been provisioned once; it never goes back.
// +kubebuilder:validation:MinProperties=1
type Initialization struct {
	// provisioned is true when the infrastructure has been provisioned.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// DatacenterStatus is what the controller found in the engine.
type DatacenterStatus struct {
	// dataCenterID is the engine's id of the data center.
	// +optional
	DataCenterID string `json:"dataCenterID,omitempty"`

	// dataCenterName is its name.
	// +optional
	DataCenterName string `json:"dataCenterName,omitempty"`

	// release is the engine's product and version.
	// +optional
	Release Release `json:"release,omitempty,omitzero"`
}

// Release is the engine's product and version, from GET /api.
type Release struct {
	// name of the product.
	// +optional
	Name string `json:"name,omitempty"`

	// version of the product.
	// +optional
	Version string `json:"version,omitempty"`
}

// OLVMCluster is the infrastructure of a cluster on Oracle Linux Virtualization Manager.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=olvmclusters,scope=Namespaced,categories=cluster-api,shortName=olvmc
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="Cluster",type="string",JSONPath=".metadata.labels['cluster\\.x-k8s\\.io/cluster-name']",description="Cluster"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="The engine is reachable and the data center was found"
// +kubebuilder:printcolumn:name="DataCenter",type="string",JSONPath=".status.olvmDatacenter.dataCenterName",description="Data center in the engine"
// +kubebuilder:printcolumn:name="Endpoint",type="string",JSONPath=".spec.controlPlaneEndpoint.host",description="Virtual IP of the API"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Age"
// +kubebuilder:printcolumn:name="OLVMServerURL",type="string",priority=2,JSONPath=".spec.olvmOvirtAPIServer.serverURL",description="URL of the engine"
type OLVMCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   OLVMClusterSpec   `json:"spec"`
	Status OLVMClusterStatus `json:"status,omitempty,omitzero"`
}

// GetConditions implements the setters of Cluster API's condition utilities.
func (c *OLVMCluster) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions implements the setters of Cluster API's condition utilities.
func (c *OLVMCluster) SetConditions(conditions []metav1.Condition) { c.Status.Conditions = conditions }

// OLVMClusterList is a list of OLVMClusters.
//
// +kubebuilder:object:root=true
type OLVMClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OLVMCluster `json:"items"`
}
