package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Decode reads a request into a pointer to a struct. The error is ErrSyntax, a ValueError, or a mistake of the caller. Root is
// the name that the root element of XML must have; empty means any.
func (c *Codec) Decode(format Format, raw []byte, root string, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("wire: cannot decode into a %T", into)
	}
	if format == XML {
		return c.decodeXML(raw, root, v.Elem())
	}
	if !json.Valid(raw) {
		return ErrSyntax
	}
	return c.jsonObject(raw, v.Elem())
}

func (c *Codec) jsonObject(raw []byte, into reflect.Value) error {
	p, err := c.planOf(into.Type())
	if err != nil {
		return err
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal(raw, &properties) != nil || properties == nil {
		return ErrSyntax
	}
	for name, value := range properties {
		f, known := p.byName[name]
		if !known {
			if p.takes(name) {
				continue
			}
			return ErrSyntax
		}
		if err := c.jsonField(f, value, into); err != nil {
			return err
		}
	}
	return nil
}

// takes says whether a property that the struct does not have is part of the engine's model all the same.
func (p *plan) takes(name string) bool {
	if p.lenient {
		return true
	}
	switch name {
	case "link", "actions", "creation_status":
		return p.resource
	}
	return false
}

func (c *Codec) jsonField(f *field, raw json.RawMessage, object reflect.Value) error {
	if string(raw) == "null" || f.kind == kindAny {
		return nil
	}
	target := object.FieldByIndex(f.index)
	if f.kind == kindRaw {
		var compact bytes.Buffer
		if json.Compact(&compact, raw) != nil {
			return ErrSyntax
		}
		target.SetBytes(compact.Bytes())
		return nil
	}
	if !f.slice {
		return c.jsonInto(f, raw, f.allocate(target))
	}
	var entries []json.RawMessage
	if json.Unmarshal(raw, &entries) != nil {
		return ErrSyntax
	}
	if len(entries) == 0 {
		return nil
	}
	slice := reflect.MakeSlice(target.Type(), len(entries), len(entries))
	for i, entry := range entries {
		if err := c.jsonInto(f, entry, f.allocate(slice.Index(i))); err != nil {
			return err
		}
	}
	target.Set(slice)
	return nil
}

// allocate returns what a pointer points to, new.
func (f *field) allocate(target reflect.Value) reflect.Value {
	if !f.pointer {
		return target
	}
	target.Set(reflect.New(target.Type().Elem()))
	return target.Elem()
}

func (c *Codec) jsonInto(f *field, raw json.RawMessage, target reflect.Value) error {
	if f.kind == kindStruct {
		return c.jsonObject(raw, target)
	}
	text, err := jsonScalar(raw)
	if err != nil {
		return err
	}
	if f.kind == kindMillis {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &ValueError{fmt.Sprintf("%s is not a date", text)}
		}
		target.SetInt(n)
		return nil
	}
	return f.set(text, target)
}

// jsonScalar takes a string, a number or a boolean: the engine takes any of them for any other.
func jsonScalar(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '{', '[':
		return "", ErrSyntax
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return "", ErrSyntax
		}
		return text, nil
	}
	if string(raw) == "null" {
		return "", ErrSyntax
	}
	return string(raw), nil
}

// set reads a scalar's text.
func (f *field) set(text string, target reflect.Value) error {
	switch f.kind {
	case kindString:
		target.SetString(text)
	case kindInt:
		n, err := parseInt(text)
		target.SetInt(int64(n))
		return err
	case kindBool:
		b, err := parseBool(text)
		target.SetBool(bool(b))
		return err
	case kindMillis:
		m, err := parseDate(text)
		target.SetInt(int64(m))
		return err
	case kindFloat:
		n, err := parseFloat(text)
		target.SetFloat(n)
		return err
	}
	return nil
}
