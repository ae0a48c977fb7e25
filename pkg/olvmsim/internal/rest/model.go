package rest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The JSON of the engine (JAXB and Jackson): integers and booleans are strings, dates are numbers (milliseconds), a
// list is an object with one key, and what is null is left out. Requests may use plain numbers and booleans as well.

// Int is a string on the wire.
type Int int64

// MarshalJSON implements json.Marshaler.
func (i Int) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatInt(int64(i), 10) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *Int) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil {
		return &valueError{fmt.Sprintf("%s is not an integer", raw)}
	}
	*i = Int(n)
	return nil
}

// Bool is a string on the wire.
type Bool bool

// MarshalJSON implements json.Marshaler.
func (b Bool) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatBool(bool(b)) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bool) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1":
		*b = true
	case "false", "0":
		*b = false
	default:
		return &valueError{fmt.Sprintf("%s is not a boolean", raw)}
	}
	return nil
}

// valueError is a value that has the wrong form, as opposed to a property that does not exist.
type valueError struct{ detail string }

func (e *valueError) Error() string { return e.detail }

// unused is a property that the engine's model has and the simulator takes without effect: clients post whole objects
// back, and only what the model does not have at all is refused.
type unused = json.RawMessage

// Link is a navigation link.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// Links are the actions of an object.
type Links struct {
	Link []Link `json:"link,omitempty"`
}

// Ref is a reference to another object; requests may use the name instead of the id.
type Ref struct {
	Href string `json:"href,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// UnmarshalJSON takes the id and name of whatever object is posted in place of a reference.
func (r *Ref) UnmarshalJSON(raw []byte) error {
	var whole struct{ Href, ID, Name string }
	if err := json.Unmarshal(raw, &whole); err != nil {
		return err
	}
	*r = Ref(whole)
	return nil
}

// Fault is the representation of a refusal.
type Fault struct {
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason"`
}

// Action is the representation of an action, in requests and replies.
type Action struct {
	Fault  *Fault `json:"fault,omitempty"`
	Job    *Ref   `json:"job,omitempty"`
	Status string `json:"status,omitempty"`

	Async             unused  `json:"async,omitempty"`
	CorrelationID     unused  `json:"correlation_id,omitempty"`
	Filter            unused  `json:"filter,omitempty"`
	Force             *Bool   `json:"force,omitempty"`
	GracePeriod       unused  `json:"grace_period,omitempty"`
	Pause             unused  `json:"pause,omitempty"`
	Reason            *string `json:"reason,omitempty"`
	UseCloudInit      *Bool   `json:"use_cloud_init,omitempty"`
	UseIgnition       *Bool   `json:"use_ignition,omitempty"`
	UseInitialization *Bool   `json:"use_initialization,omitempty"`
	UseSysprep        unused  `json:"use_sysprep,omitempty"`
	VM                *VM     `json:"vm,omitempty"`
	Volatile          unused  `json:"volatile,omitempty"`
}

// Version is a version of the product or of a compatibility level.
type Version struct {
	Build       *Int   `json:"build,omitempty"`
	FullVersion string `json:"full_version,omitempty"`
	Major       Int    `json:"major"`
	Minor       Int    `json:"minor"`
	Revision    *Int   `json:"revision,omitempty"`
}

// millis is a date: nil when there is none.
func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

func ptr[T any](v T) *T { return &v }
