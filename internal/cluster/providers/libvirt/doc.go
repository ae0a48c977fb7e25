// Package libvirt makes, finds and removes the virtual machines of Kubernetes clusters on a libvirt host.
//
// What is ours on a host can always be told from what is not, so that only ours is ever changed or removed:
//
//   - a domain has an element of our XML namespace in its metadata (mark.go). A domain is defined before anything that belongs to it is
//     made and undefined after all of it is gone: whatever ends a command in between, the next one finds what is there.
//   - a node's volumes are named after its domain.
//   - base volumes are named by the image's digest and by the cluster that uploaded them (base.go).
//   - networks and pools, which have no metadata on all versions of libvirt, have UUIDs that follow from their purpose (names.go).
package libvirt
