package olvmmachine

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// additionalNICs are what the VM needs beside its first NIC, in the order of the spec.
func additionalNICs(ctx context.Context, s subject) ([]machine.AdditionalNIC, error) {
	var list []machine.AdditionalNIC
	for _, nic := range s.olvm.Spec.VirtualMachine.AdditionalNICs {
		place, err := s.engine.ResolveNIC(ctx, engine.NICNames{
			DataCenter: s.infra.Spec.OLVMDatacenterName, Network: nic.NetworkName, VNICProfile: nic.VNICProfileName,
		})
		if err != nil {
			return nil, fmt.Errorf("additional NIC %s: %w", nic.VNICName, err)
		}
		list = append(list, machine.AdditionalNIC{
			NIC: ovirt.NIC{Name: nic.VNICName, VNICProfileID: place.VNICProfileID, Interface: nic.Model()}, NetworkID: place.NetworkID,
		})
	}
	return list, nil
}

// nicClaims begins the names of what ties addresses to an additional NIC, by its place in the list. Claims have the names of Kubernetes
// objects, which a NIC's own name need not be.
func nicClaims(olvm *infrav1.OLVMMachine, i int) string {
	return fmt.Sprintf("%s-nic%d", olvm.Name, i+2)
}

// asksPools says whether an IPAM provider gives addresses of any NIC.
func asksPools(vm infrav1.VirtualMachine) bool {
	return vm.Network.FromPools() || slices.ContainsFunc(vm.AdditionalNICs, infrav1.AdditionalNIC.FromPools)
}

// addressesOfNIC takes what an additional NIC shall have: nothing, or one address of one family or of each.
func (r *Reconciler) addressesOfNIC(ctx context.Context, s subject, d machine.Desired, i int, held map[netip.Addr]string) (won, error) {
	nic := s.olvm.Spec.VirtualMachine.AdditionalNICs[i]
	if nic.FromPools() {
		got, err := r.addressesFromPools(ctx, s, d, nicClaims(s.olvm, i), nic.AddressesFromPools, held)
		if err != nil {
			return won{}, err
		}
		return oneOfEach(got)
	}
	pools, growth, err := r.nicPools(ctx, s, nic)
	if err != nil {
		return won{}, err
	}
	return r.takeOwn(ctx, s, pools, wanted{
		claims: nicClaims(s.olvm, i), network: d.AdditionalNICs[i].NetworkID, networkName: nic.NetworkName, held: held,
		settled: d.MayTakeEffect(time.Now()), growth: growth,
	})
}

// nicPools are pools for an additional NIC.
func (r *Reconciler) nicPools(ctx context.Context, s subject, nic infrav1.AdditionalNIC) ([]address.NodePool, string, error) {
	endpoint := s.infra.Spec.ControlPlaneEndpoint.Host
	t, err := r.template(ctx, s.olvm)
	if err != nil {
		return nil, "", err
	}
	if t == nil {
		pools, err := address.NICPools(nic, endpoint)
		return pools, "the machine has no OLVMMachineTemplate that could grow: delete machines that hold addresses of the pool", err
	}
	now := t.Spec.Template.Spec.VirtualMachine.AdditionalNIC(nic.VNICName)
	if now == nil || !sameNICNetwork(nic, *now) {
		pools, err := address.NICPools(nic, endpoint)
		return pools, fmt.Sprintf("NIC %s of OLVMMachineTemplate %s is of another network or subnet now: put them back and add addresses to its "+
			"ipAddresses, or delete the Machine", nic.VNICName, t.Name), err
	}
	pools, err := address.NICPools(nic, endpoint, *now)
	if err != nil {
		err = fmt.Errorf("with the addresses that OLVMMachineTemplate %s has now: %w", t.Name, err)
	}
	return pools, fmt.Sprintf("add addresses to ipAddresses of NIC %s in OLVMMachineTemplate %s, or in the cluster file and start again: "+
		"this machine goes on by itself then, and no machine is replaced", nic.VNICName, t.Name), err
}

// sameNICNetwork says whether addresses of a template's NIC can be addresses of the machine's.
func sameNICNetwork(machine, template infrav1.AdditionalNIC) bool {
	if machine.NetworkName != template.NetworkName || machine.FromPools() != template.FromPools() {
		return false
	}
	if machine.IPv4 != nil && template.IPv4 != nil {
		subnet, err := machine.IPv4.SubnetPrefix()
		other, errOther := template.IPv4.SubnetPrefix()
		if err != nil || errOther != nil || subnet != other {
			return false
		}
	}
	return machine.IPv6 == nil || template.IPv6 == nil || machine.IPv6.Prefix() == template.IPv6.Prefix()
}

// all are the addresses of every NIC.
func (w won) all() []netip.Addr {
	list := w.list()
	for _, nic := range w.additional {
		list = append(list, nic.list()...)
	}
	return list
}

// marked is the mark of the machine's VM with the addresses that it shall have.
func marked(d machine.Desired, w won) machine.Mark {
	mark := d.Owner
	mark.Network, mark.Addresses = d.Place.NetworkID, w.list()
	for i, nic := range d.AdditionalNICs {
		if list := w.additional[i].list(); len(list) > 0 {
			mark.Additional = append(mark.Additional, machine.NICAddresses{NIC: nic.Name, Network: nic.NetworkID, Addresses: list})
		}
	}
	return mark
}

// guestNICs are the additional NICs as the guest configures them.
func guestNICs(nics []infrav1.AdditionalNIC, won []won) ([]boot.NIC, error) {
	var list []boot.NIC
	for i, n := range nics {
		nic := boot.NIC{
			Device: n.Interface, MTU: int(n.MTU), IPv4: won[i].ipv4.prefix, IPv6: won[i].ipv6.prefix, IPv6AutoConf: n.AutoConf(),
		}
		for _, r := range n.Routes {
			to, via, err := r.Parse()
			if err != nil {
				return nil, fmt.Errorf("additional NIC %s: %w", n.VNICName, err)
			}
			nic.Routes = append(nic.Routes, boot.Route{To: to, Via: via, Metric: int(r.Metric)})
		}
		list = append(list, nic)
	}
	return list, nil
}

// nicStatus is what to show of the additional NICs. The VM's mark has the last word on their addresses.
func nicStatus(nics []infrav1.AdditionalNIC, before []infrav1.NICStatus, d machine.Desired, o machine.Observation) []infrav1.NICStatus {
	var list []infrav1.NICStatus
	for i, nic := range nics {
		status := infrav1.NICStatus{VNICName: nic.VNICName}
		if at := slices.IndexFunc(before, func(b infrav1.NICStatus) bool { return b.VNICName == nic.VNICName }); at >= 0 {
			status = before[at]
		}
		status.NetworkName = nic.NetworkName
		if i < len(d.AdditionalNICs) {
			status.NetworkID = d.AdditionalNICs[i].NetworkID
		}
		if o.Ours {
			status.IPAddresses = nil
			for _, known := range o.Mark.Additional {
				if known.NIC == nic.VNICName {
					status.NetworkID = cmp.Or(status.NetworkID, known.Network)
					for _, a := range known.Addresses {
						status.IPAddresses = append(status.IPAddresses, a.String())
					}
				}
			}
		}
		list = append(list, status)
	}
	return list
}
