package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// pageSize is the engine's SearchResultsLimit; it counts only when a search asks for a page.
const pageSize = 100

// item is an entry of a collection: what searches see of it and how it is shown.
type item struct {
	id     string
	fields search.Fields
	show   func() any
}

// collection is everything that a list call could show. The key is the type of its objects.
type collection struct {
	key   string
	items []item
}

// seenBy leaves out what the caller may not see.
func (c collection) seenBy(r *request) []item {
	switch c.key {
	case engine.TypeDataCenter, engine.TypeCluster, engine.TypeHost, engine.TypeNetwork, engine.TypeVNICProfile, engine.TypeStorageDomain,
		engine.TypeTemplate, engine.TypeVM, engine.TypeDisk:
		return slices.DeleteFunc(c.items, func(i item) bool { return !r.sees(c.key, i.id) })
	}
	return c.items
}

// collect builds a collection.
func collect[T any](key string, objects []T, toItem func(T) item) collection {
	c := collection{key: key, items: make([]item, 0, len(objects))}
	for _, o := range objects {
		c.items = append(c.items, toItem(o))
	}
	return c
}

// list turns a collection into the answer that the request's search, order, page and max ask for. Filtered answers take no
// notice of searches.
func (r *request) list(c collection) (reply, error) {
	query, err := r.search()
	if err != nil {
		return reply{}, err
	}
	var found []item
	for _, i := range r.seen(c.seenBy(r)) {
		ok, err := query.Match(i.fields)
		if err != nil {
			return reply{}, badSearch(err)
		}
		if ok {
			found = append(found, i)
		}
	}
	if query.SortBy != "" {
		if err := order(found, query); err != nil {
			return reply{}, badSearch(err)
		}
	}
	limit := len(found)
	if n, err := strconv.Atoi(r.query.Get("max")); err == nil && n >= 0 {
		limit = n
	} else if query.Page > 0 {
		limit = pageSize
	}
	if query.Page > 0 {
		found = found[min(len(found), (query.Page-1)*limit):]
	}
	shown := wire.List{Key: c.key}
	for _, i := range found[:min(len(found), limit)] {
		shown.Items = append(shown.Items, i.show())
	}
	return reply{http.StatusOK, shown}, nil
}

// search is the request's search.
func (r *request) search() (search.Query, error) {
	text := r.query.Get("search")
	if r.visible != nil {
		text = ""
	}
	query, err := search.Parse(text, !r.flag("case_sensitive", true))
	if err != nil {
		return search.Query{}, badSearch(err)
	}
	return query, nil
}

// order sorts by a field of which only the first value counts; what has none comes first.
func order(items []item, query search.Query) error {
	for _, i := range items {
		if _, ok := i.fields.SearchField(query.SortBy); !ok {
			return fmt.Errorf("unknown field %q", query.SortBy)
		}
	}
	first := func(i item) string {
		values, _ := i.fields.SearchField(query.SortBy)
		if len(values) == 0 {
			return ""
		}
		return values[0]
	}
	slices.SortStableFunc(items, func(a, b item) int {
		if query.Descending {
			a, b = b, a
		}
		return search.Compare(first(a), first(b))
	})
	return nil
}

func badSearch(err error) error {
	return &engine.Fault{Status: http.StatusBadRequest, Reason: reasonFailed, Detail: fmt.Sprintf("[Error in Search text: %s]", err)}
}

// many makes the handler of a collection.
func many(list func(*request) (collection, error)) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		c, err := list(r)
		if err != nil {
			return reply{}, err
		}
		return r.list(c)
	}
}

// one makes the handler of a single entry from the handler of its collection.
func one(list func(*request) (collection, error), name string) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		id, err := r.id(name)
		if err != nil {
			return reply{}, err
		}
		c, err := list(r)
		if err != nil {
			return reply{}, err
		}
		for _, i := range c.seenBy(r) {
			if strings.EqualFold(i.id, id) {
				return reply{http.StatusOK, i.show()}, nil
			}
		}
		return reply{status: http.StatusNotFound}, nil
	}
}
