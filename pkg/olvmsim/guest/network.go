package guest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// advertisedPrefix is what the simulated network's router advertises. There is no such network outside of the simulator.
func advertisedPrefix() netip.Prefix { return netip.MustParsePrefix("fd6f:6c76:6d00::/64") }

// connection is a NIC with its addresses, IPv4 first.
type connection struct {
	device    string
	addresses []netip.Prefix
	slaac     netip.Prefix // the one among them that the machine made from router advertisements; may be invalid
}

// readConnections reads the NetworkManager keyfiles of a document the way NetworkManager does (nm-settings-keyfile(5)):
// files that others may read are ignored, and so is a connection with an error in it.
func readConnections(doc *document, vmID string, con console) ([]connection, error) {
	var all []connection
	for _, name := range slices.Sorted(maps.Keys(doc.files)) {
		if ok, _ := path.Match("/etc/NetworkManager/system-connections/*.nmconnection", name); !ok {
			continue
		}
		f := doc.files[name]
		if f.mode&0o077 != 0 {
			con.printf("NetworkManager", "%s is ignored: file permissions (%04o) are insecure", name, f.mode)
			continue
		}
		c, err := readKeyfile(string(f.data), vmID)
		if err != nil {
			con.printf("NetworkManager", "%s is ignored: %v", name, err)
			continue
		}
		for _, a := range c.addresses {
			con.printf("NetworkManager", "%s: address %s", path.Base(name), a)
		}
		if len(c.addresses) > 0 {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no connection with a static address (/etc/NetworkManager/system-connections/*.nmconnection): " +
			"this network has no DHCP, the machine stays without an address")
	}
	return all, nil
}

// readKeyfile returns the static addresses of both families and what router advertisements add; there is no DHCP.
func readKeyfile(text, vmID string) (connection, error) {
	sections := parseKeyfile(text)
	c := connection{device: sections["connection"]["interface-name"]}
	for _, family := range []string{"ipv4", "ipv6"} {
		method := sections[family]["method"]
		if method != "manual" && method != "auto" {
			continue
		}
		static, err := keyfileAddresses(family, sections[family])
		if err != nil {
			return connection{}, err
		}
		if len(static) == 0 && method == "manual" {
			return connection{}, fmt.Errorf("%s.addresses: cannot be empty for method=manual", family)
		}
		c.addresses = append(c.addresses, static...)
		if family == "ipv6" && method == "auto" {
			c.slaac = autoconfigured(vmID)
			c.addresses = append(c.addresses, c.slaac)
		}
	}
	return c, nil
}

// autoconfigured is the address that a machine makes from the advertised prefix. Like NetworkManager's stable privacy addresses, it is the
// same at every boot of one machine and tells nothing about it.
func autoconfigured(vmID string) netip.Prefix {
	hash := sha256.Sum256([]byte(vmID))
	prefix := advertisedPrefix()
	a := prefix.Addr().As16()
	copy(a[8:], hash[:8])
	return netip.PrefixFrom(netip.AddrFrom16(a), prefix.Bits())
}

func keyfileAddresses(family string, keys map[string]string) ([]netip.Prefix, error) {
	var out []netip.Prefix
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
		out = append(out, p)
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
