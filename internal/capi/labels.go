package capi

const (
	// Namespace holds what ocne runs in a management cluster that it owns: Lease, clusterctl's inventory, the controllers themselves.
	Namespace = "ocne-system"
	// ManagedByLabel with the value ManagedBy marks what ocne made or installed itself, and may therefore change and remove.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "ocne"
)
