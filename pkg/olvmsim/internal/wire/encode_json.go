package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encode writes a struct, a With or a List. The root's name is for XML only.
func (c *Codec) Encode(format Format, root string, v any) ([]byte, error) {
	return c.Append(nil, format, root, v)
}

// Append is Encode into the rest of a buffer.
func (c *Codec) Append(out []byte, format Format, root string, v any) ([]byte, error) {
	var err error
	if format == JSON {
		w := jsonWriter{codec: c, out: out}
		if err = w.value(v); err == nil {
			w.out = append(w.out, '\n')
		}
		return w.out, err
	}
	w := xmlWriter{codec: c, out: append(out, xmlHeader...)}
	if err = w.value(root, v); err == nil {
		w.out = append(w.out, '\n')
	}
	return w.out, err
}

// jsonWriter writes indented JSON as the engine does.
type jsonWriter struct {
	codec *Codec
	out   []byte
	depth int
}

func (w *jsonWriter) newLine() {
	const indents = "\n                                " // enough for any object of the API
	if n := 1 + 2*w.depth; n <= len(indents) {
		w.out = append(w.out, indents[:n]...)
		return
	}
	w.out = append(w.out, '\n')
	for range w.depth {
		w.out = append(w.out, "  "...)
	}
}

func (w *jsonWriter) value(v any) error {
	switch v := v.(type) {
	case With:
		return w.object(reflect.ValueOf(v.Object), v.Extra)
	case List:
		if len(v.Items) == 0 {
			w.out = append(w.out, "{}"...)
			return nil
		}
		return w.object(reflect.ValueOf(struct{}{}), []Property{{v.Key, v.Items}})
	case []any:
		return w.array(len(v), func(i int) error { return w.value(v[i]) })
	case string:
		w.out = appendJSONString(w.out, v)
		return nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Slice {
		return w.array(rv.Len(), func(i int) error { return w.value(rv.Index(i).Interface()) })
	}
	return w.object(rv, nil)
}

// grow makes room for n more entries like the one that was written from start on.
func grow(out []byte, start, n int) []byte {
	return slices.Grow(out, n*(len(out)-start)*9/8)
}

// array writes n entries.
func (w *jsonWriter) array(n int, entry func(int) error) error {
	w.out = append(w.out, '[')
	w.depth++
	for i := range n {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.newLine()
		before := len(w.out)
		if err := entry(i); err != nil {
			return err
		}
		if i == 0 {
			w.out = grow(w.out, before, n-1)
		}
	}
	w.depth--
	w.newLine()
	w.out = append(w.out, ']')
	return nil
}

func (w *jsonWriter) object(v reflect.Value, extra []Property) error {
	v, p, err := w.codec.structOf(v)
	if err != nil {
		return err
	}
	w.out = append(w.out, '{')
	w.depth++
	first := true
	next := func() {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.newLine()
	}
	for i := range p.fields {
		f := &p.fields[i]
		value, ok := f.get(v)
		if !ok || replaced(extra, f.name) {
			continue
		}
		next()
		w.out = append(w.out, f.key...)
		if err := w.field(f, value); err != nil {
			return err
		}
	}
	for _, e := range extra {
		next()
		w.out = append(appendJSONString(w.out, e.Key), ": "...)
		if err := w.value(e.Value); err != nil {
			return err
		}
	}
	w.depth--
	if !first {
		w.newLine()
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *jsonWriter) field(f *field, v reflect.Value) error {
	if !f.slice {
		return w.scalar(f, v)
	}
	return w.array(v.Len(), func(i int) error {
		entry := v.Index(i)
		if f.pointer {
			entry = entry.Elem()
		}
		return w.scalar(f, entry)
	})
}

func (w *jsonWriter) scalar(f *field, v reflect.Value) error {
	switch f.kind {
	case kindStruct:
		return w.object(v, nil)
	case kindString:
		w.out = appendJSONString(w.out, v.String())
	case kindInt:
		w.out = append(strconv.AppendInt(append(w.out, '"'), v.Int(), 10), '"')
	case kindBool:
		w.out = append(strconv.AppendBool(append(w.out, '"'), v.Bool()), '"')
	case kindMillis:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case kindFloat:
		w.out = strconv.AppendFloat(w.out, v.Float(), 'g', -1, 64)
	case kindRaw:
		var b bytes.Buffer
		prefix := string(bytes.Repeat([]byte("  "), w.depth))
		if err := json.Indent(&b, v.Bytes(), prefix, "  "); err != nil {
			return fmt.Errorf("wire: property %s: %w", f.name, err)
		}
		w.out = append(w.out, b.Bytes()...)
	case kindAny:
		return w.value(v.Interface())
	}
	return nil
}

// structOf takes off pointers and interfaces.
func (c *Codec) structOf(v reflect.Value) (reflect.Value, *plan, error) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return v, nil, fmt.Errorf("wire: a %s has no representation", v.Kind())
	}
	p, err := c.planOf(v.Type())
	return v, p, err
}

func replaced(extra []Property, name string) bool {
	for i := range extra {
		if extra[i].Key == name {
			return true
		}
	}
	return false
}

// appendJSONString escapes what JSON requires, and nothing more.
func appendJSONString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				out = append(append(out, s[start:i]...), "\uFFFD"...)
				start = i + size
			}
			i += size
			continue
		}
		if b >= ' ' && b != '"' && b != '\\' {
			i++
			continue
		}
		out = append(out, s[start:i]...)
		switch b {
		case '"', '\\':
			out = append(out, '\\', b)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
		i++
		start = i
	}
	return append(append(out, s[start:]...), '"')
}
