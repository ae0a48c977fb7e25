package config

import (
	"fmt"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

// withoutOnNIC names what is not given to nodes on an additional NIC.
const withoutOnNIC = "next hops of routes, virtual IP, network and broadcast address"

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

// UsableOnNIC lists the pools of an additional NIC, which is the i-th of its group, like UsableAddresses.
func (c *Config) UsableOnNIC(i int, nic infrav1.AdditionalNIC) []UsableAddresses {
	pools, err := address.NICPools(nic, c.VirtualIP)
	if err != nil {
		return nil // reported by Validate
	}
	var found []UsableAddresses
	for _, p := range pools {
		key := fmt.Sprintf(".virtualMachine.additionalNICs[%d].ipv4.ipAddresses", i)
		if p.Family == infrav1.IPv6Family {
			key = fmt.Sprintf(".virtualMachine.additionalNICs[%d].ipv6.ipAddresses", i)
		}
		found = append(found, UsableAddresses{Key: key, Pool: p.Pool})
	}
	return found
}
