package capi

const (
	// ManagedByLabel with the value ManagedBy marks what ocne made or installed itself, and may therefore change and remove.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "ocne"
)
