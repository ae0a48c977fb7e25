package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Format is one of the two formats of the API.
type Format int

// The formats. XML is what the engine speaks unless asked otherwise.
const (
	XML Format = iota
	JSON
)

// ContentType is the media type of a reply.
func (f Format) ContentType() string {
	if f == JSON {
		return "application/json"
	}
	return "application/xml;charset=UTF-8"
}

// Int is an integer: a string in JSON.
type Int int64

// Bool is a boolean: a string in JSON.
type Bool bool

// Millis is a date in milliseconds since 1970: a number in JSON, text such as 2026-01-05T16:33:55.851Z in XML.
type Millis int64

// List is a collection as the root of a reply, or as a followed link.
type List struct {
	// Key is the name of an item, such as vm.
	Key string
	// Items are structs, or With.
	Items []any
}

// With is an object with further properties, which replace the object's own ones of that name.
type With struct {
	Object any
	Extra  []Property
}

// Property is a named value.
type Property struct {
	Key   string
	Value any
}

// Lenient is implemented by types that take whatever is posted and keep what they know: references, in whose place clients post
// whole objects.
type Lenient interface{ TakesAnything() }

// Named is implemented by types whose root element is not named after the Go type.
type Named interface{ RootName() string }

// ErrSyntax is why a request is refused that does not parse, or that has a property that the model does not have.
var ErrSyntax = errors.New("request is not what the model describes")

// ValueError is a value that has the wrong form, as opposed to a property that does not exist.
type ValueError struct{ Detail string }

func (e *ValueError) Error() string { return e.Detail }

const dateLayout = "2006-01-02T15:04:05.000Z07:00"

func (m Millis) text() string { return time.UnixMilli(int64(m)).UTC().Format(dateLayout) }

func parseInt(text string) (Int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, &ValueError{fmt.Sprintf("%s is not an integer", text)}
	}
	return Int(n), nil
}

func parseBool(text string) (Bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, &ValueError{fmt.Sprintf("%s is not a boolean", text)}
}

func parseFloat(text string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || f-f != 0 { // not finite: neither format has such numbers
		return 0, &ValueError{fmt.Sprintf("%s is not a number", text)}
	}
	return f, nil
}

// parseDate takes the years that can be written again.
func parseDate(text string) (Millis, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
	if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
		return 0, &ValueError{fmt.Sprintf("%s is not a date", text)}
	}
	return Millis(t.UnixMilli()), nil
}

// RootName is the element of an object: its type's name in lower case with underscores, VNICProfile is vnic_profile.
func RootName(v any) string {
	switch v := v.(type) {
	case Named:
		return v.RootName()
	case With:
		return RootName(v.Object)
	case *With:
		return RootName(v.Object)
	case List:
		return Plural(v.Key)
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return snake(t.Name())
}

func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Plural is the element around the items of a collection. Some of the engine's are irregular.
func Plural(key string) string {
	switch {
	case key == "operating_system":
		return "operation_systems"
	case key == "katello_erratum":
		return "katello_errata"
	case strings.HasSuffix(key, "y"):
		return strings.TrimSuffix(key, "y") + "ies"
	}
	return key + "s"
}
