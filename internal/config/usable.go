package config

import "github.com/ocne-project/ocne/internal/address"

// UsableAddresses are the addresses of one family that nodes of a group can take.
type UsableAddresses struct {
	// Key of the addresses, below the group's own.
	Key  string
	Pool address.Pool
}

// UsableAddresses lists a group's pools of both families, without what no node gets: the gateway, the virtual IP, and the network's own
// addresses. What cannot be read is left out; Validate reports it.
func (c *Config) UsableAddresses(group Machine) []UsableAddresses {
	var found []UsableAddresses
	for _, f := range families() {
		if p, ok := f.usable(c, group.VirtualMachine.Network); ok {
			found = append(found, UsableAddresses{Key: f.key, Pool: p})
		}
	}
	return found
}
