package engine

import (
	"fmt"
	"strings"
)

// NetworkFilter is a set of packet rules that vNIC profiles can choose.
type NetworkFilter struct{ ID, Name string }

// filterNames are the filters that every engine has (its network_filter table).
const filterNames = "vdsm-no-mac-spoofing allow-arp allow-dhcp allow-dhcp-server allow-incoming-ipv4 allow-ipv4 clean-traffic " +
	"no-arp-ip-spoofing no-arp-mac-spoofing no-arp-spoofing no-ip-multicast no-ip-spoofing no-mac-broadcast no-mac-spoofing " +
	"no-other-l2-traffic no-other-rarp-traffic qemu-announce-self qemu-announce-self-rarp"

// NetworkFilters lists the filters.
func (e *Engine) NetworkFilters() []NetworkFilter {
	var out []NetworkFilter
	for _, name := range strings.Fields(filterNames) {
		out = append(out, NetworkFilter{ID: stableID("", "networkfilter", name), Name: name})
	}
	return out
}

// filterByName is the id of the filter of that name, empty for no name.
func (e *Engine) filterByName(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	filter, ok := pickRef(e.NetworkFilters(), Ref{Name: name}, func(f NetworkFilter) Ref { return Ref(f) })
	if !ok {
		return "", fmt.Errorf("no network filter %q: there are %s", name, strings.Join(strings.Fields(filterNames), ", "))
	}
	return filter.ID, nil
}
