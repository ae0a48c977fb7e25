package rest

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// followed is what a request wants to see inline, by the name of the link; case and underscores do not count.
type followed map[string]followed

func parseFollow(text string) followed {
	root := followed{}
	for path := range strings.SplitSeq(text, ",") {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if name = foldName(name); name == "" {
				break
			}
			if at[name] == nil {
				at[name] = followed{}
			}
			at = at[name]
		}
	}
	return root
}

func foldName(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", ""))
}

// fetch answers a GET of another path for the same caller. What nobody can find is a reply with the status 404.
func (s *Server) fetch(r *request, segments []string) (reply, error) {
	call := *r.Request
	call.Method = http.MethodGet
	sub := &request{Request: &call, codec: r.codec, query: map[string][]string{}, correlationID: r.correlationID, user: r.user, visible: r.visible}
	found, _ := s.match(sub, segments)
	if found.handle != nil {
		return found.handle(sub)
	}
	if key := collectionKey(segments[len(segments)-1]); key != "" && len(segments) != 2 {
		return reply{http.StatusOK, wire.List{Key: key}}, nil
	}
	return reply{status: http.StatusNotFound}, nil
}

// inline puts what the links of an object lead to in their place.
func (s *Server) inline(r *request, object any, want followed) (any, error) {
	if list, ok := object.(wire.List); ok {
		items := make([]any, 0, len(list.Items))
		for _, i := range list.Items {
			inlined, err := s.inline(r, i, want)
			if err != nil {
				return nil, err
			}
			items = append(items, inlined)
		}
		return wire.List{Key: list.Key, Items: items}, nil
	}
	if len(want) == 0 {
		return object, nil
	}
	out := wire.With{Object: object}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		key, href := findLink(object, name)
		if href == "" {
			return nil, &engine.Fault{
				Status: http.StatusBadRequest, Reason: reasonFailed, Detail: "[Cannot follow link " + name + "]", // own words
			}
		}
		answer, err := s.fetch(r, splitPath(strings.TrimPrefix(href, apiRoot)))
		if err != nil {
			return nil, err
		}
		if answer.body == nil {
			continue
		}
		if list, ok := answer.body.(wire.List); ok && key == "" {
			key = wire.Plural(list.Key)
		}
		if answer.body, err = s.inline(r, answer.body, want[name]); err != nil {
			return nil, err
		}
		if key != "" {
			out.Extra = append(out.Extra, wire.Property{Key: key, Value: answer.body})
		}
	}
	return out, nil
}

// findLink finds a link of an object by its name: one of its links, whose key is then the collection's, or a reference, whose
// key is the property's.
func findLink(object any, name string) (key, href string) {
	v := structValue(object)
	if !v.IsValid() {
		return "", ""
	}
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag == "" {
			continue // what is embedded has no effect and no links
		}
		value := v.Field(i)
		if links, ok := value.Interface().([]Link); ok && tag == "link" {
			for _, link := range links {
				if foldName(link.Rel) == name {
					return "", link.Href
				}
			}
		}
		if foldName(tag) != name {
			continue
		}
		if target := structValue(value.Interface()); target.IsValid() {
			if h := target.FieldByName("Href"); h.IsValid() && h.Kind() == reflect.String && h.String() != "" {
				key, href = tag, h.String()
			}
		}
	}
	return key, href
}

// structValue takes off pointers and what was added; it is not valid for what is no struct.
func structValue(v any) reflect.Value {
	if with, ok := v.(wire.With); ok {
		v = with.Object
	}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return rv
}
