package machine

import (
	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// AdditionalNIC is a NIC that the VM needs beside its first one.
type AdditionalNIC struct {
	ovirt.NIC
	// NetworkID is the engine's id of the logical network that it is on.
	NetworkID string
}

func firstNIC(d Desired, o Observation) (Plan, bool) { return wantNIC(d.NIC, o) }

// additionalNICs are made one after the other: the engine gives MAC addresses in the order of its requests.
func additionalNICs(d Desired, o Observation) (Plan, bool) {
	for _, nic := range d.AdditionalNICs {
		if p, missing := wantNIC(nic.NIC, o); missing {
			return p, true
		}
	}
	return Plan{}, false
}

// wantNIC adds the NIC, or changes the one of its name that came with the template.
func wantNIC(want ovirt.NIC, o Observation) (Plan, bool) {
	have := findNIC(o.NICs, want.Name)
	switch {
	case have == nil:
		p := acting(AddNIC, infrav1.CreatingReason, "NIC %s is being added", want.Name)
		p.NIC = want
		return p, true
	case have.VNICProfileID != want.VNICProfileID || have.Interface != want.Interface:
		p := acting(UpdateNIC, infrav1.CreatingReason, "NIC %s is being changed", want.Name)
		p.NIC = want
		p.NIC.ID = have.ID
		return p, true
	}
	return Plan{}, false
}

func findNIC(nics []ovirt.NIC, name string) *ovirt.NIC {
	for i := range nics {
		if nics[i].Name == name {
			return &nics[i]
		}
	}
	return nil
}
