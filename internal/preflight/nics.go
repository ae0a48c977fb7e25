package preflight

import (
	"context"
	"fmt"
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// passThroughModel is the engine's NIC model of a host's device that a vNIC profile passes through (VmInterfaceType.pciPassthrough).
const passThroughModel = "pci_passthrough"

// NIC is an additional NIC of a group's machines.
type NIC struct {
	// Path of the NIC's keys, with the dot at its end.
	Path string
	// Name is the NIC's in the engine.
	Name                 string
	Network, VNICProfile string
	// Model is the engine's NIC model.
	Model string
	// Pools are one pool of addresses for each family that has one.
	Pools []Pool
}

// nicPlace is the engine's side of a NIC; what was not found is nil.
type nicPlace struct {
	network *ovirt.Network
	profile *ovirt.VNICProfile
}

// NICs are the additional NICs of a machine, without pools; path is that of its spec, with the dot at its end.
func NICs(path string, nics []infrav1.AdditionalNIC) []NIC {
	var list []NIC
	for i, n := range nics {
		list = append(list, NIC{
			Path: fmt.Sprintf("%svirtualMachine.additionalNICs[%d].", path, i), Name: n.VNICName, Network: n.NetworkName, VNICProfile: n.VNICProfileName,
			Model: n.Model(),
		})
	}
	return list
}

// checkNICs looks for the networks and vNIC profiles of additional NICs. What breaks a virtual IP does not matter there.
func (s *survey) checkNICs(ctx context.Context, p *place, found inventory) error {
	for _, nic := range p.group.AdditionalNICs {
		at := nicPlace{network: s.findNetwork(nic, found)}
		if at.network != nil {
			var err error
			if at.profile, err = s.findNICProfile(ctx, nic, at.network); err != nil {
				return err
			}
		}
		p.nics = append(p.nics, at)
	}
	return nil
}

func (s *survey) findNetwork(nic NIC, found inventory) *ovirt.Network {
	i := slices.IndexFunc(found.networks, func(n ovirt.Network) bool { return n.Name == nic.Network })
	if i < 0 {
		s.missing(Network, nic.Path+"networkName", "network", nic.Network, names(found.networks, func(n ovirt.Network) string { return n.Name }))
		return nil
	}
	return &found.networks[i]
}

func (s *survey) findNICProfile(ctx context.Context, nic NIC, network *ovirt.Network) (*ovirt.VNICProfile, error) {
	subject := nic.Path + "vnicProfileName"
	profiles, err := s.engine.VNICProfiles(ctx, network.ID)
	if err != nil {
		return nil, s.unread(VNICProfile, subject, err)
	}
	i := slices.IndexFunc(profiles, func(v ovirt.VNICProfile) bool { return v.Name == nic.VNICProfile })
	if i < 0 {
		s.missing(VNICProfile, subject, fmt.Sprintf("vNIC profile of network %q with the name", network.Name), nic.VNICProfile,
			names(profiles, func(v ovirt.VNICProfile) string { return v.Name }))
		return nil, nil
	}
	if passes := nic.Model == passThroughModel; passes != profiles[i].PassThrough {
		s.report(VNICProfile, subject,
			fmt.Sprintf("vNIC profile %q and interfaceType %s do not go together: a device of the host is passed through as %s, and nothing else is",
				profiles[i].Name, nic.Model, passThroughModel),
			"Choose another profile, or correct interfaceType.")
	}
	return &profiles[i], nil
}
