package ovirt

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// This file and wire_objects.go hold the API's JSON as it is on the wire. Integers and booleans are strings there (the engine's
// JAXB adapters make them so); an engine accepts and a client must accept the plain form too.

// integer is an integer that is a JSON string on the wire.
type integer int64

func (i integer) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatInt(int64(i), 10) + `"`), nil
}

func (i *integer) UnmarshalJSON(data []byte) error {
	text := unquoted(data)
	if text == "" || text == "null" {
		return nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not an integer", text)
	}
	*i = integer(value)
	return nil
}

// boolean is a boolean that is a JSON string on the wire.
type boolean bool

func (b boolean) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatBool(bool(b)) + `"`), nil
}

func (b *boolean) UnmarshalJSON(data []byte) error {
	text := unquoted(data)
	if text == "" || text == "null" {
		return nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is not a boolean", text)
	}
	*b = boolean(value)
	return nil
}

func unquoted(data []byte) string { return strings.Trim(string(data), `"`) }

// reference is how an object names another one.
type reference struct {
	ID string `json:"id,omitempty"`
}

// refer makes a reference, none for an empty id.
func refer(id string) *reference {
	if id == "" {
		return nil
	}
	return &reference{ID: id}
}

func (r *reference) id() string {
	if r == nil {
		return ""
	}
	return r.ID
}

// list makes a call whose reply is {"<key>": [...]}, or {} for an empty collection, and maps its items.
func list[Wire, Item any](ctx context.Context, c *Client, r request, key string, item func(*Wire) Item) ([]Item, error) {
	var reply map[string]json.RawMessage
	if err := c.do(ctx, r, &reply); err != nil {
		return nil, err
	}
	var wires []Wire
	if raw, ok := reply[key]; ok {
		if err := json.Unmarshal(raw, &wires); err != nil {
			return nil, &Error{Kind: Unknown, Operation: r.operation, Object: r.object, Err: fmt.Errorf("reply is not what the API describes: %w", err)}
		}
	}
	items := make([]Item, 0, len(wires))
	for n := range wires {
		items = append(items, item(&wires[n]))
	}
	return items, nil
}

// one makes a call whose reply is a single object, and maps it.
func one[Wire, Item any](ctx context.Context, c *Client, r request, item func(*Wire) Item) (*Item, error) {
	var wire Wire
	if err := c.do(ctx, r, &wire); err != nil {
		return nil, err
	}
	mapped := item(&wire)
	return &mapped, nil
}
