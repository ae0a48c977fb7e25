package engine

import (
	"slices"
	"sort"
)

// Span is the bytes from Start up to, but not including, End.
type Span struct{ Start, End int64 }

// Spans is a set of bytes: sorted spans that neither touch nor overlap.
type Spans []Span

// Add puts [start, end) into the set.
func (s *Spans) Add(start, end int64) {
	if start >= end {
		return
	}
	list := *s
	from := sort.Search(len(list), func(i int) bool { return list[i].End >= start })
	to := from
	for to < len(list) && list[to].Start <= end {
		start, end = min(start, list[to].Start), max(end, list[to].End)
		to++
	}
	*s = slices.Replace(list, from, to, Span{start, end})
}

// Total is how many bytes the set holds.
func (s Spans) Total() (bytes int64) {
	for _, one := range s {
		bytes += one.End - one.Start
	}
	return bytes
}
