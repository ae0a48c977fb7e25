// Package search reads the engine's search language as far as the simulator speaks it:
//
//	[condition (and|or) condition ...] [sortby field [asc|desc]] [page N]
//
// A condition is field operator value, or free text. Operators are = != < > <= >=; a value is bare or in double quotes and
// may hold the wildcard * after = and !=. "and" binds tighter than "or". Words of the language are recognised in any case.
package search

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Query is a parsed search. The zero Query matches everything.
type Query struct {
	// Page is the wanted page, counted from 1; 0 means all pages.
	Page int
	// SortBy is the field that the answer is ordered by, empty for the collection's own order.
	SortBy     string
	Descending bool
	// any holds alternatives, each a list of conditions that must all hold.
	any [][]condition
	// foldCase makes values match in any case.
	foldCase bool
}

type condition struct {
	field    string // empty: free text
	operator string
	value    string
}

// Object is what a search looks at.
type Object interface {
	// SearchField returns the values of a field (lower case name); ok is false if there is no such field.
	SearchField(field string) (values []string, ok bool)
}

// Fields is an Object made of a map. A field may have several values; a condition holds if one of them fits.
type Fields map[string][]string

// SearchField implements Object.
func (f Fields) SearchField(field string) ([]string, bool) {
	v, ok := f[field]
	return v, ok
}

// Parse reads a search. Values match case-sensitively unless foldCase is set.
func Parse(text string, foldCase bool) (Query, error) {
	tokens, err := scan(text)
	if err != nil {
		return Query{}, err
	}
	p := parser{tokens: tokens}
	q := Query{foldCase: foldCase}
	if q.any, err = p.alternatives(); err != nil {
		return Query{}, err
	}
	if p.word("sortby") {
		t := p.take()
		if !t.bare {
			return Query{}, fmt.Errorf("sortby wants a field in %q", text)
		}
		q.SortBy, q.Descending = strings.ToLower(t.text), p.word("desc")
		if !q.Descending {
			p.word("asc")
		}
	}
	if p.word("page") {
		n, err := strconv.Atoi(p.take().text)
		if err != nil || n < 1 {
			return Query{}, fmt.Errorf("page wants a number from 1 in %q", text)
		}
		q.Page = n
	}
	if p.pos < len(p.tokens) {
		return Query{}, fmt.Errorf("unexpected %q in %q", p.tokens[p.pos].text, text)
	}
	return q, nil
}

// String prints the search such that Parse reads the same again.
func (q Query) String() string {
	var alternatives, parts []string
	for _, all := range q.any {
		conditions := make([]string, 0, len(all))
		for _, c := range all {
			if c.field == "" {
				conditions = append(conditions, `"`+c.value+`"`)
				continue
			}
			conditions = append(conditions, c.field+" "+c.operator+` "`+c.value+`"`)
		}
		alternatives = append(alternatives, strings.Join(conditions, " and "))
	}
	if len(alternatives) > 0 {
		parts = append(parts, strings.Join(alternatives, " or "))
	}
	if q.SortBy != "" {
		direction := "asc"
		if q.Descending {
			direction = "desc"
		}
		parts = append(parts, "sortby "+q.SortBy+" "+direction)
	}
	if q.Page > 0 {
		parts = append(parts, "page "+strconv.Itoa(q.Page))
	}
	return strings.Join(parts, " ")
}

// Exact returns the value that the field must have for anything to be found, if the search says so.
func (q Query) Exact(field string) (value string, ok bool) {
	if len(q.any) != 1 || q.foldCase {
		return "", false
	}
	for _, c := range q.any[0] {
		if c.field == field && c.operator == "=" && !strings.Contains(c.value, "*") {
			return c.value, true
		}
	}
	return "", false
}

// Match says whether o fits. A field that o does not have is an error.
func (q Query) Match(o Object) (bool, error) {
	if len(q.any) == 0 {
		return true, nil
	}
	matched := false
	for _, all := range q.any {
		holds := true
		for _, c := range all {
			ok, err := c.match(o, q.foldCase)
			if err != nil {
				return false, err
			}
			holds = holds && ok
		}
		matched = matched || holds
	}
	return matched, nil
}

func (c condition) match(o Object, foldCase bool) (bool, error) {
	if c.field == "" {
		for _, field := range []string{"name", "alias", "description", "comment"} {
			values, _ := o.SearchField(field)
			if slices.ContainsFunc(values, func(v string) bool { return wildcard("*"+c.value+"*", v, true) }) {
				return true, nil
			}
		}
		return false, nil
	}
	values, ok := o.SearchField(c.field)
	if !ok {
		return false, fmt.Errorf("unknown field %q", c.field)
	}
	// A status is an enumeration: the engine reads its value in any case.
	fold := foldCase || c.field == "status"
	equal := func(v string) bool { return wildcard(c.value, v, fold) }
	switch c.operator {
	case "=":
		return slices.ContainsFunc(values, equal), nil
	case "!=":
		return !slices.ContainsFunc(values, equal), nil
	}
	return slices.ContainsFunc(values, func(v string) bool {
		order := Compare(v, c.value)
		return order < 0 && c.operator[0] == '<' || order > 0 && c.operator[0] == '>' || order == 0 && len(c.operator) == 2
	}), nil
}

// Compare orders two values of a field: numbers by size and before everything else, which is ordered in any case.
func Compare(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// wildcard matches the whole value against a pattern in which * stands for anything.
func wildcard(pattern, value string, fold bool) bool {
	if fold {
		pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == value
	}
	if !strings.HasPrefix(value, parts[0]) {
		return false
	}
	value = value[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(value, part)
		if i < 0 {
			return false
		}
		value = value[i+len(part):]
	}
	return strings.HasSuffix(value, last)
}
