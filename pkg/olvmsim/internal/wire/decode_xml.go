package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
)

// maxDepth bounds nesting; the model is at most a dozen levels deep.
const maxDepth = 64

func (c *Codec) decodeXML(raw []byte, root string, into reflect.Value) error {
	r := xmlReader{codec: c, decoder: xml.NewDecoder(bytes.NewReader(raw))}
	var err error
	for {
		var token xml.Token
		if token, err = r.decoder.Token(); err != nil {
			return ErrSyntax
		}
		if start, ok := token.(xml.StartElement); ok {
			if root != "" && start.Name.Local != root {
				return ErrSyntax
			}
			err = r.object(start, into)
			break
		}
	}
	for err == nil { // nothing but white space and comments may follow
		var token xml.Token
		token, err = r.decoder.Token()
		switch token := token.(type) {
		case xml.StartElement:
			return ErrSyntax
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return ErrSyntax
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return r.refusal(err)
}

type xmlReader struct {
	codec   *Codec
	decoder *xml.Decoder
	depth   int
}

// refusal keeps the errors that say more than that the text is not XML.
func (r *xmlReader) refusal(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrSyntax
	}
	return err
}

func (r *xmlReader) token() (xml.Token, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return nil, ErrSyntax
	}
	return token, nil
}

// object reads what is inside start, and its end.
func (r *xmlReader) object(start xml.StartElement, into reflect.Value) error {
	p, err := r.codec.planOf(into.Type())
	if err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		return ErrSyntax
	}
	for _, a := range start.Attr {
		f, ok := p.byName[a.Name.Local]
		if !ok || !f.attribute || a.Name.Space != "" {
			continue // as JAXB does
		}
		if err := r.scalar(f, a.Value, into.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	for {
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.EndElement:
			r.depth--
			return nil
		case xml.StartElement:
			if err := r.element(p, token, into); err != nil {
				return err
			}
		}
	}
}

func (r *xmlReader) element(p *plan, start xml.StartElement, into reflect.Value) error {
	f, known := p.byName[start.Name.Local]
	switch {
	case !known && !p.takes(start.Name.Local), known && f.attribute && !p.lenient:
		return ErrSyntax
	case !known, f.kind == kindRaw, f.kind == kindAny:
		return r.skip()
	}
	target := into.FieldByIndex(f.index)
	if f.slice {
		entry := reflect.New(target.Type().Elem()).Elem()
		if err := r.single(f, start, entry); err != nil {
			return err
		}
		target.Set(reflect.Append(target, entry))
		return nil
	}
	return r.single(f, start, target)
}

func (r *xmlReader) single(f *field, start xml.StartElement, target reflect.Value) error {
	if f.kind == kindStruct {
		target = f.allocate(target)
		target.SetZero()
		return r.object(start, target)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	return r.scalar(f, text, target)
}

// scalar leaves a number, date or boolean unset where the text is empty.
func (r *xmlReader) scalar(f *field, text string, target reflect.Value) error {
	if f.kind != kindString && strings.TrimSpace(text) == "" && !f.slice {
		return nil
	}
	return f.set(text, f.allocate(target))
}

func (r *xmlReader) text() (string, error) {
	var b strings.Builder
	for {
		token, err := r.token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.StartElement:
			return "", ErrSyntax
		case xml.EndElement:
			return b.String(), nil
		}
	}
}

func (r *xmlReader) skip() error {
	if r.decoder.Skip() != nil {
		return ErrSyntax
	}
	return nil
}
