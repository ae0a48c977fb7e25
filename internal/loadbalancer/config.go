// Package loadbalancer makes what a control plane node needs to hold the cluster's virtual IP: Keepalived moves the address to a node whose
// API server is live, and NGINX on that node spreads the connections over all API servers. Everything is text for Ignition to write; the
// package does no I/O.
package loadbalancer

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// KeepalivedConfiguration is the file that a user brings to have another load balancer than this one.
const KeepalivedConfiguration = "/etc/keepalived/keepalived.conf"

// remedy is what to do where the built-in load balancer cannot be used.
const remedy = "or set spec.loadBalancer.type of the OLVMCluster to External"

// Config is what one node's load balancer follows from.
type Config struct {
	VirtualIP     netip.Addr   // IPv4
	Port          int          // of the virtual IP
	APIServerPort int          // of each node's API server, which is behind the load balancer
	Device        string       // the NIC that the virtual IP goes to
	Address       netip.Prefix // the node's own address on it
	DualStack     bool         // whether nodes have IPv6 addresses too
	First         bool         // whether the node makes the cluster, and no other can hold the virtual IP
	Settings      infrav1.LoadBalancer
	Image         Image
}

// Image is what differs from node image to node image.
type Image struct {
	Keepalived string `json:"keepalived"` // the program
	NGINX      NGINX  `json:"nginx"`
}

// NGINX is how the image runs it.
type NGINX struct {
	Unit          string `json:"unit"`          // of systemd; ours
	Configuration string `json:"configuration"` // the file, as the node sees it
	StreamModule  string `json:"streamModule"`  // the file to load, as NGINX sees it; empty when it is built in, or ModuleFiles say it
	// ModuleFiles are patterns of the distribution's files that load it; NGINX passes over one that matches nothing.
	ModuleFiles []string `json:"moduleFiles"`
	Start       string   `json:"start"`  // command that stays in the foreground
	Stop        string   `json:"stop"`   // command, or empty for a signal
	Reload      string   `json:"reload"` // command
	Test        string   `json:"test"`   // command that checks the file Configuration with .new behind its name
}

// check refuses what would make a load balancer that cannot work.
func (c Config) check() error {
	switch {
	case !c.VirtualIP.Is4():
		return errors.New("the cluster's endpoint is not an IPv4 address, which the built-in load balancer needs: use one, " + remedy)
	case !c.Address.IsValid() || !c.Address.Addr().Is4():
		return errors.New("the node has no IPv4 address")
	case c.VirtualIP == c.Address.Addr():
		return fmt.Errorf("the node's own address is the virtual IP %s: choose a virtual IP that no machine has", c.VirtualIP)
	case c.Port == c.APIServerPort:
		return fmt.Errorf("the API server and the load balancer would both listen at port %d of the node: set localAPIEndpoint.bindPort "+
			"in initConfiguration and in joinConfiguration.controlPlane of the KubeadmControlPlane to another port, such as 6444, "+remedy, c.Port)
	}
	return nil
}

// VirtualRouterID tells this virtual IP from others on the same network (VRRP, RFC 5798: 1 to 255). The default is the last octet of the
// virtual IP, or 255 where that is 0.
func (c Config) VirtualRouterID() int {
	octets := c.VirtualIP.As4()
	return cmp.Or(int(c.Settings.VirtualRouterID), int(octets[3]), 255)
}

// Priority is different on every node of a cluster, or two nodes could take the virtual IP at the same moment: it follows from the node's
// address, and any 200 addresses in a row have different ones. It never matters otherwise, as nodes do not preempt each other. Low
// priorities are avoided, because they wait longer (RFC 5798, Skew_Time).
func (c Config) Priority() int {
	octets := c.Address.Addr().As4()
	return 254 - int(binary.BigEndian.Uint32(octets[:])%200)
}

// HealthPort is where NGINX tells the node itself, and nobody else, that it is well. Asking at the virtual IP's port instead would open a
// connection to an API server each time.
func (c Config) HealthPort() int {
	port := 6445
	for port == c.Port || port == c.APIServerPort {
		port++
	}
	return port
}

// AdvertInterval in seconds, as Keepalived writes it.
func (c Config) AdvertInterval() string {
	return fmt.Sprintf("%g", float64(c.Settings.AdvertIntervalMilliseconds)/1000)
}

// RestartDelay is how long Keepalived stays away after it was killed, in seconds. The address stays on the node meanwhile and is served
// there; the others take over after three adverts and their skew, and only then may it be removed here.
func (c Config) RestartDelay() int {
	silence := 4 * time.Duration(c.Settings.AdvertIntervalMilliseconds) * time.Millisecond
	return max(5, int(silence/time.Second)+1)
}

// HoldDelay is how long a node must have been among the API servers before it may hold the virtual IP, in seconds: each other node has
// read the list three times by then, and sends its adverts to the new one.
func (c Config) HoldDelay() int { return 3 * int(c.Settings.RefreshIntervalSeconds) }

// LostDelay is how long a node that is no longer among the API servers may still hold the virtual IP, in seconds. It is shorter than
// ForgetDelay, so that a node that the others no longer send adverts to begins anew.
func (c Config) LostDelay() int { return 6 * int(c.Settings.RefreshIntervalSeconds) }

// ForgetDelay is how long adverts are still sent to a node that is no longer among the API servers, in seconds.
func (c Config) ForgetDelay() int { return 12 * int(c.Settings.RefreshIntervalSeconds) }
