// Package spelling finds what somebody may have meant.
package spelling

import (
	"slices"
	"strings"
)

// Distance is the number of letters to insert, delete or replace to get from a to b; upper and lower case count as equal.
func Distance(a, b string) int {
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

// NearestFirst sorts candidates by their distance from word, equally distant ones by name, and drops repeated ones.
func NearestFirst(word string, candidates []string) []string {
	sorted := slices.Clone(candidates)
	slices.SortFunc(sorted, func(a, b string) int {
		if d := Distance(word, a) - Distance(word, b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(sorted)
}

// Similar says whether word may be a typing error of known.
func Similar(word, known string) bool { return Distance(word, known) <= max(2, len(word)/3) }
