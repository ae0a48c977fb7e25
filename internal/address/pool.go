// Package address computes with pools of IP addresses: what a pool holds, what must stay free in a subnet, and what an address's
// claim is called. It is pure; who owns an address is decided elsewhere.
package address

import (
	"encoding/binary"
	"hash/fnv"
	"iter"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// Pool is an ordered set of addresses of one family. It is immutable; the zero value is the empty pool.
//
// It is kept as ranges, so a pool of any size costs what its notation costs.
type Pool struct {
	spans []span
}

// span is an inclusive range. The spans of a pool are disjoint and stand in the order of the items that they came from.
type span struct {
	first, last netip.Addr
}

// Contains says whether the pool holds a.
func (p Pool) Contains(a netip.Addr) bool {
	a = plain(a)
	return slices.ContainsFunc(p.spans, func(s span) bool { return s.contains(a) })
}

// Len is the number of addresses, or math.MaxUint64 when there are more.
func (p Pool) Len() uint64 {
	var total uint64
	for _, s := range p.spans {
		sum, carry := bits.Add64(total, s.size(), 0)
		if carry != 0 {
			return math.MaxUint64
		}
		total = sum
	}
	return total
}

// All yields every address once: items in the order in which they were given, ascending within an item.
func (p Pool) All() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, s := range p.spans {
			for a := s.first; ; a = a.Next() {
				if !yield(a) {
					return
				}
				if a == s.last {
					break
				}
			}
		}
	}
}

// From yields what All yields, beginning at a place that depends on the seed and going on with the first one after the last. Several that
// walk through one pool with different seeds seldom meet.
func (p Pool) From(seed string) iter.Seq[netip.Addr] {
	if len(p.spans) == 0 {
		return p.All()
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed))
	return p.startingAt(h.Sum64() % p.Len()).All()
}

// startingAt is the pool with its first n addresses at its end; n is smaller than its length.
func (p Pool) startingAt(n uint64) Pool {
	for i, s := range p.spans {
		if size := s.size(); n >= size {
			n -= size
			continue
		}
		turned := append(slices.Clone(p.spans[i:]), p.spans[:i]...)
		if n > 0 {
			start := plus(s.first, n)
			turned[0] = span{start, s.last}
			turned = append(turned, span{s.first, start.Prev()})
		}
		return Pool{turned}
	}
	return p
}

// plus is the address n after a, which exists.
func plus(a netip.Addr, n uint64) netip.Addr {
	high, low := halves(a)
	low, carry := bits.Add64(low, n, 0)
	var bytes [16]byte
	binary.BigEndian.PutUint64(bytes[:8], high+carry)
	binary.BigEndian.PutUint64(bytes[8:], low)
	return plain(netip.AddrFrom16(bytes))
}

// First is the address that All yields first; false when the pool is empty. It tells the pool's family.
func (p Pool) First() (netip.Addr, bool) {
	if len(p.spans) == 0 {
		return netip.Addr{}, false
	}
	return p.spans[0].first, true
}

// Outside is an address of the pool that is not in the subnet; false when all of them are.
func (p Pool) Outside(subnet netip.Prefix) (netip.Addr, bool) {
	for _, s := range p.spans {
		if !subnet.Contains(s.first) {
			return s.first, true
		}
		if !subnet.Contains(s.last) {
			return last(subnet).Next(), true
		}
	}
	return netip.Addr{}, false
}

// Without is the pool less the given addresses. Addresses that it does not hold, and the zero address, change nothing.
func (p Pool) Without(addrs ...netip.Addr) Pool {
	spans := p.spans
	for _, a := range addrs {
		if a = plain(a); a.IsValid() {
			spans = subtract(spans, span{a, a})
		}
	}
	return Pool{spans}
}

// String is the pool in the notation that ParsePool reads.
func (p Pool) String() string {
	items := make([]string, 0, len(p.spans))
	for _, s := range p.spans {
		if s.first == s.last {
			items = append(items, s.first.String())
			continue
		}
		items = append(items, s.first.String()+"-"+s.last.String())
	}
	return strings.Join(items, ", ")
}

func (s span) contains(a netip.Addr) bool {
	return s.first.Compare(a) <= 0 && a.Compare(s.last) <= 0
}

func (s span) overlaps(other span) bool {
	return !s.last.Less(other.first) && !other.last.Less(s.first)
}

// size is the number of addresses in the span; it saturates.
func (s span) size() uint64 {
	firstHigh, firstLow := halves(s.first)
	lastHigh, lastLow := halves(s.last)
	low, borrow := bits.Sub64(lastLow, firstLow, 0)
	high, _ := bits.Sub64(lastHigh, firstHigh, borrow)
	if high != 0 || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}

func halves(a netip.Addr) (high, low uint64) {
	for i, b := range a.As16() {
		if i < 8 {
			high = high<<8 | uint64(b)
		} else {
			low = low<<8 | uint64(b)
		}
	}
	return high, low
}

// subtract cuts a hole into spans; a span around the hole becomes two.
func subtract(spans []span, hole span) []span {
	out := make([]span, 0, len(spans)+1)
	for _, s := range spans {
		if !s.overlaps(hole) {
			out = append(out, s)
			continue
		}
		if s.first.Less(hole.first) {
			out = append(out, span{s.first, hole.first.Prev()})
		}
		if hole.last.Less(s.last) {
			out = append(out, span{hole.last.Next(), s.last})
		}
	}
	return out
}

// plain gives an address the one form in which pools keep it.
func plain(a netip.Addr) netip.Addr {
	return a.Unmap().WithZone("")
}
