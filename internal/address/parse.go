package address

import (
	"fmt"
	"net/netip"
	"strings"
)

const forms = "use a CIDR block (192.0.2.0/28), an inclusive range (192.0.2.10-192.0.2.20) or a single address (192.0.2.10)"

// ParsePool reads a pool. An item is a CIDR block, an inclusive range a-b or a single address, or several of them with commas
// between; white space around any part is ignored. Items may overlap: each address is in the pool once, where it came first.
//
// A CIDR block stands for all of its addresses, whatever its host bits, its first and last included: it is a notation for a
// range, not a subnet. What must stay free in the real subnet is taken out with Without and Reserved.
//
// An error names the item that is not understood, whose range is reversed, or whose family differs from the first item's.
func ParsePool(items []string) (Pool, error) {
	var spans []span
	for _, item := range items {
		for part := range strings.SplitSeq(item, ",") {
			part = strings.TrimSpace(part)
			if part == "" {
				continue
			}
			s, err := parseSpan(part)
			if err != nil {
				return Pool{}, err
			}
			if len(spans) > 0 && s.first.Is4() != spans[0].first.Is4() {
				return Pool{}, fmt.Errorf("addresses %q are %s, those before them %s: one pool holds one family",
					part, family(s.first), family(spans[0].first))
			}
			fresh := []span{s}
			for _, earlier := range spans {
				fresh = subtract(fresh, earlier)
			}
			spans = append(spans, fresh...)
		}
	}
	return Pool{spans}, nil
}

// CheckOverlap names two items, in the notations of ParsePool, that have an address in common. A pool takes each address once all the
// same: this is for those who would rather hear of a typing error. Items that are not understood are left out.
func CheckOverlap(items []string) error {
	type named struct {
		text string
		span span
	}
	var earlier []named
	for _, item := range items {
		for part := range strings.SplitSeq(item, ",") {
			part = strings.TrimSpace(part)
			s, err := parseSpan(part)
			if err != nil {
				continue
			}
			for _, e := range earlier {
				if s.first.Is4() == e.span.first.Is4() && s.overlaps(e.span) {
					return fmt.Errorf("addresses %q and %q overlap: write each address once", e.text, part)
				}
			}
			earlier = append(earlier, named{part, s})
		}
	}
	return nil
}

func parseSpan(text string) (span, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return span{}, fmt.Errorf("addresses %q are not a CIDR block: %s", text, forms)
		}
		return span{p.Masked().Addr(), last(p)}, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	first, err := parseAddr(from)
	if err != nil {
		return span{}, fmt.Errorf("addresses %q are not understood: %s", text, forms)
	}
	if !isRange {
		return span{first, first}, nil
	}
	end, err := parseAddr(to)
	switch {
	case err != nil:
		return span{}, fmt.Errorf("addresses %q are not a range: %s", text, forms)
	case first.Is4() != end.Is4():
		return span{}, fmt.Errorf("addresses %q go from %s to %s: both ends of a range are of one family", text, family(first), family(end))
	case end.Less(first):
		return span{}, fmt.Errorf("addresses %q go backwards: write the lower address first; %s", text, forms)
	}
	return span{first, end}, nil
}

// parseAddr refuses zones and IPv4 addresses in IPv6 notation: neither can be the address of a node.
func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return netip.Addr{}, err
	}
	if a.Zone() != "" || a.Is4In6() {
		return netip.Addr{}, fmt.Errorf("address %s has a zone or is IPv4 in IPv6 notation", a)
	}
	return a, nil
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}
