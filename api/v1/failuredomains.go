package v1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// FailureDomains is a list; it also decodes the map that earlier releases of the same API version stored, so that an old object
// cannot stop the controller from listing the others. The API server shows such a map without its content, which gives a list that is
// empty and not nil: the controller removes it.
//
// +listType=map
// +listMapKey=name
// +kubebuilder:validation:MaxItems=100
type FailureDomains []clusterv1.FailureDomain

// UnmarshalJSON decodes a list, or a map by name.
func (d *FailureDomains) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return json.Unmarshal(b, (*[]clusterv1.FailureDomain)(d))
	}
	var byName map[string]clusterv1.FailureDomain
	if err := json.Unmarshal(b, &byName); err != nil {
		return fmt.Errorf("failureDomains: %w", err)
	}
	list := make(FailureDomains, 0, len(byName))
	for name, domain := range byName {
		domain.Name = name
		list = append(list, domain)
	}
	slices.SortFunc(list, func(a, b clusterv1.FailureDomain) int { return strings.Compare(a.Name, b.Name) })
	*d = list
	return nil
}
