package ovirt

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// SearchTerm makes field="value" in the engine's search language, for one object whose field is exactly that value. Terms are
// joined with " and ". The language has no escapes, so a value with a quote, a backslash, the wildcard '*' or a control
// character is Invalid; spaces are fine.
func SearchTerm(field, value string) (string, error) {
	refused := func(text string) error {
		return &Error{Kind: Invalid, Operation: "search by", Object: field, Err: errors.New(text)}
	}
	switch {
	case !regexp.MustCompile(`^[A-Za-z_.]+$`).MatchString(field):
		return "", refused("not the name of a field")
	case value == "":
		return "", refused("the value is empty")
	case strings.ContainsAny(value, `"\*`) || strings.ContainsFunc(value, unicode.IsControl):
		return "", refused(fmt.Sprintf("%q cannot be searched for: quotes, backslashes, '*' and control characters are not possible", value))
	}
	return field + `="` + value + `"`, nil
}

// searchQuery is no query for an empty search.
func searchQuery(search string) url.Values {
	if search == "" {
		return nil
	}
	return url.Values{"search": {search}}
}
