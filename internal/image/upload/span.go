package upload

import (
	"iter"
	"slices"
)

// span is a part of what is sent, in bytes: from Start up to, but not including, End.
type span struct{ Start, End int64 }

func (s span) length() int64 { return s.End - s.Start }

// spans are in order and neither overlap nor touch.
type spans []span

func (s spans) total() (n int64) {
	for _, each := range s {
		n += each.length()
	}
	return n
}

// with adds a part, which may overlap; s itself stays as it is.
func (s spans) with(add span) spans {
	if add.length() <= 0 {
		return s
	}
	first, _ := slices.BinarySearchFunc(s, add.Start, func(e span, at int64) int { return compare(e.End, at) })
	last := first
	for ; last < len(s) && s[last].Start <= add.End; last++ {
		add.Start, add.End = min(add.Start, s[last].Start), max(add.End, s[last].End)
	}
	out := make(spans, 0, len(s)+1)
	out = append(out, s[:first]...)
	out = append(out, add)
	return append(out, s[last:]...)
}

// overlap are the parts that both have.
func (s spans) overlap(other spans) (out spans) {
	for i, j := 0, 0; i < len(s) && j < len(other); {
		if start, end := max(s[i].Start, other[j].Start), min(s[i].End, other[j].End); start < end {
			out = append(out, span{start, end})
		}
		if s[i].End < other[j].End {
			i++
		} else {
			j++
		}
	}
	return out
}

// without are the parts that other has not.
func (s spans) without(other spans) (out spans) {
	next := 0
	for _, each := range s {
		for next < len(other) && other[next].End <= each.Start {
			next++
		}
		at := each.Start
		for k := next; k < len(other) && other[k].Start < each.End; k++ {
			if other[k].Start > at {
				out = append(out, span{at, other[k].Start})
			}
			at = max(at, other[k].End)
		}
		if at < each.End {
			out = append(out, span{at, each.End})
		}
	}
	return out
}

// inside are the parts of s in a window.
func (s spans) inside(window span) spans {
	first, _ := slices.BinarySearchFunc(s, window.Start, func(e span, at int64) int { return compare(e.End-1, at) })
	var out spans
	for ; first < len(s) && s[first].Start < window.End; first++ {
		out = append(out, span{max(s[first].Start, window.Start), min(s[first].End, window.End)})
	}
	return out
}

// chunks cuts at multiples of size.
func (s spans) chunks(size int64) iter.Seq[span] {
	return func(yield func(span) bool) {
		for _, each := range s {
			for at := each.Start; at < each.End; {
				end := min(each.End, (at/size+1)*size)
				if !yield(span{at, end}) {
					return
				}
				at = end
			}
		}
	}
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
