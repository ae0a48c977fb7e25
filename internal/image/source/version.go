package source

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// version of a tag such as 1.31, v1.31.2 or 1.31-4.
type version [3]int

// parseVersion understands a tag, also one with its repository before it.
func parseVersion(tag string) (version, bool) {
	var v version
	tag = tag[strings.LastIndexByte(tag, ':')+1:]
	numbers, _, _ := strings.Cut(strings.TrimPrefix(tag, "v"), "-")
	for i, text := range strings.SplitN(numbers, ".", len(v)) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 999 {
			return version{}, false
		}
		v[i] = n
	}
	return v, true
}

func (v version) number() int { return (v[0]*1000+v[1])*1000 + v[2] }

// distance of a tag: an older one is as near as a newer one; what is no version is farthest.
func (v version) distance(tag string) int {
	other, ok := parseVersion(tag)
	if !ok {
		return math.MaxInt
	}
	return max(v.number()-other.number(), other.number()-v.number())
}

// compareVersions puts what is no version before what is one.
func compareVersions(a, b string) int {
	va, oka := parseVersion(a)
	vb, okb := parseVersion(b)
	switch {
	case oka && okb && va != vb:
		return cmp.Compare(va.number(), vb.number())
	case oka != okb && oka:
		return 1
	case oka != okb:
		return -1
	}
	return strings.Compare(a, b)
}
