package engine

import (
	"encoding/json"
	"strings"
)

// configDrive is what the engine writes on the disc of a first run; without user data there is no disc.
type configDrive struct {
	userData, metaData, networkData []byte
}

func configDriveFor(v *VM, options RunOptions) (configDrive, error) {
	var drive configDrive
	var err error
	if drive.userData, err = userDataFor(v, options); err != nil || drive.userData == nil {
		return configDrive{}, err
	}
	init := v.Init
	if options.Init != nil {
		init = init.merge(options.Init)
	}
	if drive.metaData, err = json.Marshal(metaData(v, init)); err != nil || len(init.NICConfigurations) == 0 {
		return drive, err
	}
	drive.networkData, err = json.Marshal(networkData(init))
	return drive, err
}

// metaData follows the engine's CloudInitHandler.
func metaData(v *VM, init *Initialization) map[string]any {
	keys := []string{}
	for line := range strings.Lines(deref(init.AuthorizedSSHKeys)) {
		if line = strings.TrimSpace(line); line != "" {
			keys = append(keys, line)
		}
	}
	data := map[string]any{
		"availability_zone": "nova", "launch_index": "0", "uuid": v.ID, "public_keys": keys,
		"meta": map[string]string{"essential": "false", "role": "server", "dsmode": "local"},
	}
	if host := deref(init.HostName); host != "" {
		data["hostname"], data["name"] = host, host
	}
	return data
}

// networkData is in OpenStack's form, the one that the engine writes unless it is asked for the older one of /etc/network/interfaces.
func networkData(init *Initialization) map[string]any {
	links, networks := []any{}, []any{}
	for _, c := range init.NICConfigurations {
		name := deref(c.Name)
		links = append(links, map[string]string{"id": name, "name": name, "type": "vif"})
		for _, family := range []struct {
			kind     string
			protocol *string
			ip       *IP
		}{{"ipv4", c.BootProtocol, c.IP}, {"ipv6", c.IPv6BootProtocol, c.IPv6}} {
			if n := networkOf(name, family.kind, deref(family.protocol), family.ip); n != nil {
				addNameServers(n, init)
				networks = append(networks, n)
			}
		}
	}
	return map[string]any{"links": links, "networks": networks}
}

func networkOf(name, kind, protocol string, ip *IP) map[string]any {
	n := map[string]any{"id": name, "link": name}
	switch protocol {
	case "static":
		n["type"] = kind
		if ip != nil {
			for key, value := range map[string]*string{"ip_address": ip.Address, "netmask": ip.Netmask, "gateway": ip.Gateway} {
				if deref(value) != "" {
					n[key] = *value
				}
			}
		}
	case "dhcp":
		n["type"] = kind + "_dhcp"
	case "autoconf":
		n["type"] = "ipv6_slaac"
	default:
		return nil
	}
	return n
}

func addNameServers(n map[string]any, init *Initialization) {
	if servers := strings.Fields(deref(init.DNSServers)); len(servers) > 0 {
		n["dns_nameservers"] = servers
	}
	if search := strings.Fields(deref(init.DNSSearch)); len(search) > 0 {
		n["dns_search"] = search
	}
}
