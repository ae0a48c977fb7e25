package wire

import (
	"reflect"
	"strconv"
	"unicode/utf8"
)

const xmlHeader = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n"

// xmlWriter writes indented XML.
type xmlWriter struct {
	codec *Codec
	out   []byte
	depth int
}

func (w *xmlWriter) indent() {
	for range w.depth {
		w.out = append(w.out, "    "...)
	}
}

// value writes one element, or several for a slice.
func (w *xmlWriter) value(name string, v any) error {
	switch v := v.(type) {
	case With:
		return w.element(name, reflect.ValueOf(v.Object), v.Extra)
	case List:
		var items []Property
		if len(v.Items) > 0 {
			items = []Property{{v.Key, v.Items}}
		}
		return w.element(name, reflect.ValueOf(struct{}{}), items)
	case []any:
		return w.several(len(v), func(i int) error { return w.value(name, v[i]) })
	case string:
		w.text(name, v)
		return nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Slice {
		return w.several(rv.Len(), func(i int) error { return w.value(name, rv.Index(i).Interface()) })
	}
	return w.element(name, rv, nil)
}

func (w *xmlWriter) several(n int, entry func(int) error) error {
	for i := range n {
		if i > 0 {
			w.out = append(w.out, '\n')
		}
		before := len(w.out)
		if err := entry(i); err != nil {
			return err
		}
		if i == 0 {
			w.out = grow(w.out, before, n-1)
		}
	}
	return nil
}

func (w *xmlWriter) element(name string, v reflect.Value, extra []Property) error {
	v, p, err := w.codec.structOf(v)
	if err != nil {
		return err
	}
	w.indent()
	w.out = append(append(w.out, '<'), name...)
	w.attributes(p, v)
	opened := len(w.out)
	w.out = append(w.out, ">\n"...)
	w.depth++
	body := len(w.out)
	for _, f := range p.elements {
		value, ok := f.get(v)
		if !ok || f.kind == kindRaw || replaced(extra, f.name) {
			continue
		}
		if err := w.field(f, value); err != nil {
			return err
		}
		w.out = append(w.out, '\n')
	}
	for _, e := range extra {
		if err := w.value(e.Key, e.Value); err != nil {
			return err
		}
		w.out = append(w.out, '\n')
	}
	w.depth--
	if len(w.out) == body {
		w.out = append(w.out[:opened], "/>"...)
		return nil
	}
	w.indent()
	w.close(name)
	return nil
}

func (w *xmlWriter) close(name string) {
	w.out = append(append(append(w.out, "</"...), name...), '>')
}

func (w *xmlWriter) attributes(p *plan, v reflect.Value) {
	for _, f := range p.attributes {
		value, ok := f.get(v)
		if !ok {
			continue
		}
		text := f.text(value)
		if text == "" {
			continue
		}
		w.out = append(append(append(w.out, ' '), f.name...), `="`...)
		w.out = append(appendXMLText(w.out, text, true), '"')
	}
}

func (w *xmlWriter) field(f *field, v reflect.Value) error {
	if !f.slice {
		return w.single(f, v)
	}
	return w.several(v.Len(), func(i int) error {
		entry := v.Index(i)
		if f.pointer {
			entry = entry.Elem()
		}
		return w.single(f, entry)
	})
}

func (w *xmlWriter) single(f *field, v reflect.Value) error {
	switch f.kind {
	case kindStruct:
		return w.element(f.name, v, nil)
	case kindAny:
		return w.value(f.name, v.Interface())
	}
	w.text(f.name, f.text(v))
	return nil
}

func (w *xmlWriter) text(name, text string) {
	w.indent()
	w.out = append(append(w.out, '<'), name...)
	if text == "" {
		w.out = append(w.out, "/>"...)
		return
	}
	w.out = appendXMLText(append(w.out, '>'), text, false)
	w.close(name)
}

// text is a scalar as XML has it.
func (f *field) text(v reflect.Value) string {
	switch f.kind {
	case kindInt:
		return strconv.FormatInt(v.Int(), 10)
	case kindBool:
		return strconv.FormatBool(v.Bool())
	case kindMillis:
		return Millis(v.Int()).text()
	case kindFloat:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case kindString:
		return v.String()
	}
	return ""
}

// appendXMLText escapes; what XML cannot say at all becomes U+FFFD. A bare carriage return would be read as a line feed.
func appendXMLText(out []byte, s string, attribute bool) []byte {
	plain := 0
	for plain < len(s) && s[plain] >= ' ' && s[plain] < utf8.RuneSelf && s[plain] != '<' && s[plain] != '>' && s[plain] != '&' && s[plain] != '"' {
		plain++
	}
	out = append(out, s[:plain]...)
	for i := plain; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '<':
			out = append(out, "&lt;"...)
		case r == '>':
			out = append(out, "&gt;"...)
		case r == '&':
			out = append(out, "&amp;"...)
		case r == '\r':
			out = append(out, "&#xD;"...)
		case attribute && r == '"':
			out = append(out, "&quot;"...)
		case attribute && r == '\n':
			out = append(out, "&#xA;"...)
		case attribute && r == '\t':
			out = append(out, "&#x9;"...)
		case r == utf8.RuneError && size == 1, !inXML(r):
			out = append(out, "\uFFFD"...)
		default:
			out = append(out, s[i:i+size]...)
		}
		i += size
	}
	return out
}

// inXML says whether XML 1.0 has the character.
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
