package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/spelling"
)

// keysOf are the keys that a mapping of this type may hold.
func keysOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	i := slices.Index(keysOf(t), key)
	if i < 0 {
		return nil, false
	}
	return t.Field(i).Type, true
}

func join(keyPath, key string) string {
	if keyPath == "" {
		return key
	}
	return keyPath + "." + key
}

// suggest says what may have been meant by an unknown key: one of a similar name in the same place, the same name in another
// place, or anything that the place may hold.
func suggest(key string, t reflect.Type, keyPath string) string {
	known := keysOf(t)
	if nearest := spelling.NearestFirst(key, known)[0]; spelling.Similar(key, nearest) {
		return "the nearest known key is " + join(keyPath, nearest)
	}
	if elsewhere := pathsTo(key, reflect.TypeFor[keys](), ""); len(elsewhere) > 0 {
		return "the key of that name is " + strings.Join(elsewhere, " or ")
	}
	return "the known keys here are " + strings.Join(known, ", ")
}

// pathsTo finds the places where a key of this name is known.
func pathsTo(key string, t reflect.Type, keyPath string) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[fileDocument]() || t == reflect.TypeFor[inlineDocument]() {
		return nil
	}
	var found []string
	for i, name := range keysOf(t) {
		path := join(keyPath, name)
		if strings.EqualFold(name, key) {
			found = append(found, path)
		}
		found = append(found, pathsTo(key, t.Field(i).Type, path)...)
	}
	return found
}
