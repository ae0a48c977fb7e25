package guest

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"maps"
)

// staticAddresses reads the NetworkManager keyfiles of a document the way NetworkManager does (nm-settings-keyfile(5)):
// files that others may read are ignored, and so is a connection with an error in it.
func staticAddresses(doc *document, con console) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, name := range slices.Sorted(maps.Keys(doc.files)) {
		if ok, _ := path.Match("/etc/NetworkManager/system-connections/*.nmconnection", name); !ok {
			continue
		}
		f := doc.files[name]
		if f.mode&0o077 != 0 {
			con.printf("NetworkManager", "%s is ignored: file permissions (%04o) are insecure", name, f.mode)
			continue
		}
		addresses, err := keyfileAddresses(string(f.data))
		if err != nil {
			con.printf("NetworkManager", "%s is ignored: %v", name, err)
			continue
		}
		for _, a := range addresses {
			con.printf("NetworkManager", "%s: address %s", path.Base(name), a)
		}
		all = append(all, addresses...)
	}
	if len(all) == 0 {
		return nil, errors.New("no connection with a static address (/etc/NetworkManager/system-connections/*.nmconnection): " +
			"this network has no DHCP, the machine stays without an address")
	}
	return all, nil
}

// keyfileAddresses returns the addresses of the sections ipv4 and ipv6 whose method is manual, IPv4 first.
func keyfileAddresses(text string) ([]netip.Prefix, error) {
	sections := parseKeyfile(text)
	var out []netip.Prefix
	for _, family := range []string{"ipv4", "ipv6"} {
		keys := sections[family]
		if keys["method"] != "manual" {
			continue
		}
		found := false
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			number, ok := strings.CutPrefix(k, "address")
			if !ok || strings.Trim(number, "0123456789") != "" {
				continue
			}
			value, gateway, hasGateway := strings.Cut(keys[k], ",")
			p, err := netip.ParsePrefix(strings.TrimSpace(value))
			if err != nil || p.Addr().Is4() != (family == "ipv4") {
				return nil, fmt.Errorf("%s.%s: invalid address %q", family, k, value)
			}
			if _, err := netip.ParseAddr(strings.TrimSpace(gateway)); hasGateway && err != nil {
				return nil, fmt.Errorf("%s.%s: invalid gateway %q", family, k, gateway)
			}
			out, found = append(out, p), true
		}
		if !found {
			return nil, fmt.Errorf("%s.addresses: cannot be empty for method=manual", family)
		}
	}
	return out, nil
}

func parseKeyfile(text string) map[string]map[string]string {
	sections, section := map[string]map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			if sections[section] == nil {
				sections[section] = map[string]string{}
			}
			sections[section][strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return sections
}
