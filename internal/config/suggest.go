package config

import (
	"reflect"
	"slices"
	"strings"
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
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(key, a) - distance(key, b) })
	if distance(key, nearest) <= max(2, len(key)/3) {
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

// distance is the number of letters to insert, delete or replace to get from a to b; upper and lower case count as equal.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current := make([]int, len(b)+1)
		current[0] = i + 1
		for j := range len(b) {
			replace := previous[j]
			if a[i] != b[j] {
				replace++
			}
			current[j+1] = min(replace, previous[j+1]+1, current[j]+1)
		}
		previous = current
	}
	return previous[len(b)]
}
