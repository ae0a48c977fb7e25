// Package preflight asks an engine, read-only, whether it can give a cluster what the cluster needs, and tells everything that is
// wrong at once. The command line uses it before it makes anything, the controllers show the same findings as conditions.
package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/spelling"
)

// Check is the name of one check, as --skip-preflight takes it.
type Check string

// The checks, in the order in which their findings are told.
const (
	Engine      Check = "engine"       // an engine answers at the URL, with a certificate that is trusted
	Credentials Check = "credentials"  // the user name and the password are accepted
	Permissions Check = "permissions"  // the account may make VMs there
	DataCenter  Check = "data-center"  // the data center exists
	Cluster     Check = "cluster"      // the engine's clusters exist
	Hosts       Check = "hosts"        // a host of each cluster is up
	Placement   Check = "placement"    // the hosts and affinity labels that machines name exist; there are hosts enough for hard anti-affinity
	Network     Check = "network"      // the logical networks exist
	VNICProfile Check = "vnic-profile" // the vNIC profiles exist and let the virtual IP through
	Template    Check = "template"     // the templates exist and can make nodes
	Storage     Check = "storage"      // the templates' storage domains are active and have room
	Quota       Check = "quota"        // the quotas exist
	Addresses   Check = "addresses"    // enough addresses of the pools are free
	VirtualIP   Check = "virtual-ip"   // nobody else has the virtual IP
	SelfManaged Check = "self-managed" // the VMs run the controllers of a cluster that manages itself
)

// All stands for every check where names of checks are listed.
const All Check = "all"

// Checks are all of them, in order.
func Checks() []Check {
	return []Check{
		Engine, Credentials, Permissions, DataCenter, Cluster, Hosts, Placement, Network, VNICProfile, Template, Storage, Quota, Addresses,
		VirtualIP, SelfManaged,
	}
}

// ParseSkip refuses names that no check has.
func ParseSkip(names []string) ([]Check, error) {
	known := []string{string(All)}
	for _, c := range Checks() {
		known = append(known, string(c))
	}
	var checks []Check
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no check %q, the nearest is %s; there are %s",
				name, spelling.NearestFirst(name, known)[0], strings.Join(known, ", "))
		}
		checks = append(checks, Check(name))
	}
	return checks, nil
}

// Severity says whether a cluster can come up all the same.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // a cluster cannot be made, or would not work
	Warning Severity = "warning" // it may work, or nobody could tell
)

// Finding is one thing that is wrong.
type Finding struct {
	Check    Check    `json:"check"`
	Severity Severity `json:"severity"`
	// Subject is the configuration key, or the field of an object, that it is about; several are joined by commas.
	Subject string `json:"subject"`
	// Cause is what was found, on which object, with the engine's own words where it said something.
	Cause string `json:"cause"`
	// Next is what to do about it, in whole sentences.
	Next string `json:"next"`
	// Err is the error behind it, if any, for errors.As.
	Err error `json:"-"`
}

// String is the finding without what to do.
func (f Finding) String() string { return f.Subject + ": " + f.Cause }

// Failed says whether a finding is more than a warning.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// Without leaves out the findings of some checks.
func Without(findings []Finding, skip ...Check) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		return slices.Contains(skip, f.Check) || slices.Contains(skip, All)
	})
}
