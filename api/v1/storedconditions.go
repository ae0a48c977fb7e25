package v1

import (
	"encoding/json"
	"fmt"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Conditions is a list of conditions; it leaves out what earlier releases of the same API version stored and what is no condition of
// today, such as one whose lastTransitionTime is any text: an old object can neither stop the controller from listing the others nor
// make the API server refuse its next status. Conditions are set anew from what is observed.
//
// +listType=map
// +listMapKey=type
// +kubebuilder:validation:MaxItems=32
type Conditions []metav1.Condition

// UnmarshalJSON decodes the conditions that are valid.
func (c *Conditions) UnmarshalJSON(b []byte) error {
	var stored []json.RawMessage
	if err := json.Unmarshal(b, &stored); err != nil {
		return fmt.Errorf("conditions: %w", err)
	}
	reason := regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`) // as in the CRD
	list := make(Conditions, 0, len(stored))
	for _, raw := range stored {
		var condition metav1.Condition
		if json.Unmarshal(raw, &condition) != nil || condition.Type == "" || !reason.MatchString(condition.Reason) ||
			condition.LastTransitionTime.IsZero() {
			continue
		}
		switch condition.Status {
		case metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown:
			list = append(list, condition)
		}
	}
	*c = list
	return nil
}
