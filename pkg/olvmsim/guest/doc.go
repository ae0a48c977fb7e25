// Package guest plays what runs inside the VMs of the simulator.
//
// An instant guest reads its user data as Ignition 3.x or cloud-init would and becomes, within milliseconds, the Kubernetes node
// that the document describes. Nothing is taken from anywhere else: a document that a real machine could not use
// gives no node, and the VM's console says why.
//
// The nodes of one cluster share a store and one TLS listener at the control plane endpoint. Port-forwarding and
// the etcd members come from Cluster API's in-memory provider; the rest of the API is served here, because that
// provider knows neither server-side apply nor custom resources.
//
// The simulated network's router advertises one IPv6 prefix; there is no DHCP.
//
// Not simulated: scheduling and workloads (pods stay pending, no rollout ever completes), the deletion of what is in
// a deleted namespace, authorization, service account and bootstrap tokens as credentials, etcd quorum, external etcd.
package guest
