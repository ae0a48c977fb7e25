package v1

import "cmp"

// LoadBalancerType says who makes the virtual IP answer.
//
// +kubebuilder:validation:Enum="";BuiltIn;External
type LoadBalancerType string

const (
	// LoadBalancerBuiltIn puts Keepalived and NGINX on the control plane nodes.
	LoadBalancerBuiltIn LoadBalancerType = "BuiltIn"
	// LoadBalancerExternal leaves the virtual IP to somebody else.
	LoadBalancerExternal LoadBalancerType = "External"
)

// LoadBalancer is how the virtual IP reaches the API servers. Machines follow it when they are made; those that are there stay as they are.
type LoadBalancer struct {
	// type BuiltIn (the default) puts Keepalived and NGINX on the control plane nodes, unless the machines' own Ignition brings a
	// /etc/keepalived/keepalived.conf. With External the endpoint is that of a load balancer that somebody else runs.
	// +optional
	Type LoadBalancerType `json:"type,omitempty"`

	// virtualRouterID tells the virtual IP from others on the same network, from 1 to 255; the last octet of the virtual IP by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID,omitempty"`

	// advertIntervalMilliseconds is how often the holder of the virtual IP says that it is there; 1000 by default. Another node takes over
	// after three to four intervals of silence. All nodes should have the same.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == 0 || self >= 100",message="use 100 to 10000 milliseconds, or 0 for the default"
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +kubebuilder:validation:MultipleOf=10
	AdvertIntervalMilliseconds int32 `json:"advertIntervalMilliseconds,omitempty"`

	// checkIntervalSeconds is how often a node asks its API server and its NGINX whether they are well; 1 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=60
	CheckIntervalSeconds int32 `json:"checkIntervalSeconds,omitempty"`

	// checkTimeoutSeconds is how long they have for an answer; 3 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=60
	CheckTimeoutSeconds int32 `json:"checkTimeoutSeconds,omitempty"`

	// checkFall is after how many bad answers in a row a node gives the virtual IP up; 2 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CheckFall int32 `json:"checkFall,omitempty"`

	// checkRise is after how many good answers in a row a node may have it; 2 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CheckRise int32 `json:"checkRise,omitempty"`

	// refreshIntervalSeconds is how often a node looks which API servers there are; 10 by default. A new node may hold the virtual IP after
	// three intervals.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=300
	RefreshIntervalSeconds int32 `json:"refreshIntervalSeconds,omitempty"`
}

// WithDefaults replaces what is empty or 0, but for virtualRouterID, whose default follows from the virtual IP.
func (l LoadBalancer) WithDefaults() LoadBalancer {
	return LoadBalancer{
		Type:                       cmp.Or(l.Type, LoadBalancerBuiltIn),
		VirtualRouterID:            l.VirtualRouterID,
		AdvertIntervalMilliseconds: cmp.Or(l.AdvertIntervalMilliseconds, 1000),
		CheckIntervalSeconds:       cmp.Or(l.CheckIntervalSeconds, 1),
		CheckTimeoutSeconds:        cmp.Or(l.CheckTimeoutSeconds, 3),
		CheckFall:                  cmp.Or(l.CheckFall, 2),
		CheckRise:                  cmp.Or(l.CheckRise, 2),
		RefreshIntervalSeconds:     cmp.Or(l.RefreshIntervalSeconds, 10),
	}
}
