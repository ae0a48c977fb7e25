// Package v1 is the API of the Oracle Linux Virtualization Manager (oVirt) infrastructure provider for Cluster API.
//
// The spec is a superset of the OLVM custom resources that users already have: an empty string and 0 mean "the default",
// so nothing in it may demand a minimum. The status follows the Cluster API v1beta2 contract.
//
// +kubebuilder:object:generate=true
// +groupName=infrastructure.cluster.x-k8s.io
package v1
