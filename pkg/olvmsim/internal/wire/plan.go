package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Codec reads and writes; it remembers how types look. It is safe for concurrent use.
type Codec struct {
	plans sync.Map // of *plan by reflect.Type
}

// NewCodec returns a Codec.
func NewCodec() *Codec { return &Codec{} }

type kind int

const (
	kindStruct kind = iota
	kindString
	kindInt
	kindBool
	kindMillis
	kindFloat
	kindRaw
	kindAny
)

// plan is how a struct type looks.
type plan struct {
	fields     []field
	attributes []*field // of XML
	elements   []*field
	byName     map[string]*field
	lenient    bool
	// resource says that it is an object with an address: such may have links, actions and a creation status.
	resource bool
}

type field struct {
	name      string
	key       []byte // of JSON: "name":
	index     []int
	omitEmpty bool
	slice     bool
	pointer   bool
	kind      kind
	attribute bool
	elem      reflect.Type // of a struct, below slice and pointer
}

// planOf is nil for what is not a struct that can be represented.
func (c *Codec) planOf(t reflect.Type) (*plan, error) {
	if p, ok := c.plans.Load(t); ok {
		return p.(*plan), nil
	}
	p := &plan{byName: map[string]*field{}}
	if err := p.add(t, nil); err != nil {
		return nil, err
	}
	for i := range p.fields {
		f := &p.fields[i]
		p.byName[f.name] = f
		if f.attribute {
			p.attributes = append(p.attributes, f)
		} else {
			p.elements = append(p.elements, f)
		}
	}
	_, p.resource = p.byName["href"]
	p.lenient = reflect.PointerTo(t).Implements(reflect.TypeFor[Lenient]())
	stored, _ := c.plans.LoadOrStore(t, p)
	return stored.(*plan), nil
}

func (p *plan) add(t reflect.Type, above []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(append([]int{}, above...), i)
		if sf.Anonymous && sf.Tag.Get("json") == "" && sf.Type.Kind() == reflect.Struct {
			if err := p.add(sf.Type, index); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			return fmt.Errorf("wire: field %s.%s has no json tag", t, sf.Name)
		}
		f := field{name: name, key: []byte(`"` + name + `": `), index: index, omitEmpty: strings.Contains(options, "omitempty")}
		if err := f.describe(sf.Type); err != nil {
			return fmt.Errorf("wire: field %s.%s: %w", t, sf.Name, err)
		}
		switch name {
		case "id", "href", "rel":
			f.attribute = !f.slice && f.kind != kindStruct
		}
		p.fields = append(p.fields, f)
	}
	return nil
}

func (f *field) describe(t reflect.Type) error {
	if t == reflect.TypeFor[json.RawMessage]() {
		f.kind = kindRaw
		return nil
	}
	if t.Kind() == reflect.Slice {
		f.slice, t = true, t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		f.pointer, t = true, t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Int]():
		f.kind = kindInt
	case t == reflect.TypeFor[Bool]():
		f.kind = kindBool
	case t == reflect.TypeFor[Millis]():
		f.kind = kindMillis
	case t.Kind() == reflect.String:
		f.kind = kindString
	case t.Kind() == reflect.Float64:
		f.kind = kindFloat
	case t.Kind() == reflect.Interface:
		f.kind = kindAny
	case t.Kind() == reflect.Struct:
		f.kind, f.elem = kindStruct, t
	default:
		return fmt.Errorf("type %s has no representation", t)
	}
	return nil
}

// get is the field's value with its pointer taken off; ok is false for what is left out.
func (f *field) get(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		v = v.Field(i)
	}
	switch {
	case f.slice, f.kind == kindRaw:
		return v, v.Len() > 0
	case f.pointer:
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	case f.kind == kindAny:
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	case f.omitEmpty && f.kind != kindStruct && v.IsZero():
		return v, false
	}
	return v, true
}
