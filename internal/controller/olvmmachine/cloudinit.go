package olvmmachine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// cloudInitOS takes the place of a template's operating system type with which the engine would deliver Ignition.
const cloudInitOS = "other_linux"

// bootData is what the bootstrap provider made of a machine.
type bootData struct {
	value  []byte
	format string
}

func (r *Reconciler) bootData(ctx context.Context, s subject) (bootData, error) {
	secret, err := r.secret(ctx, s.olvm.Namespace, *s.machine.Spec.Bootstrap.DataSecretName)
	return bootData{value: secret["value"], format: boot.FormatOf(string(secret["format"]))}, err
}

// bootFormat is the format of the bootstrap data, without reading the data where the KubeadmConfig tells it: Secrets are not cached.
func (r *Reconciler) bootFormat(ctx context.Context, s subject) (string, error) {
	config, err := r.kubeadmConfig(ctx, s.machine)
	if err != nil {
		return "", err
	}
	if config != nil {
		return boot.FormatOf(string(config.Spec.Format)), nil
	}
	data, err := r.bootData(ctx, s)
	return data.format, err
}

// bootDocument is what a machine boots with, in the format of its bootstrap data, and what a guest with cloud-init learns beside it.
type bootDocument struct {
	text    []byte
	format  string
	network boot.Network
	nics    []boot.NIC
}

// deliver makes the engine hand the document to cloud-init, where it is none of Ignition. The engine decides by the operating system type of
// the VM, which is the template's unless that is the one for Ignition.
func (b bootDocument) deliver(vm *ovirt.AddVM, hostName, templateOS string) {
	if b.format != boot.FormatCloudConfig {
		return
	}
	n := b.network
	vm.OSType = ""
	if templateOS == "" || templateOS == ignitionOS {
		vm.OSType = cloudInitOS
	}
	nic := ovirt.NICConfiguration{
		Name: n.Device, OnBoot: true, BootProtocol: ovirt.BootStatic,
		IPv4: &ovirt.IPConfiguration{Address: n.IPv4.Addr().String(), Netmask: dotted(n.IPv4), Gateway: addressText(n.Gateway)},
	}
	switch {
	case n.IPv6.IsValid():
		nic.IPv6BootProtocol = ovirt.BootStatic
		nic.IPv6 = &ovirt.IPConfiguration{Address: n.IPv6.Addr().String(), Netmask: strconv.Itoa(n.IPv6.Bits()), Gateway: addressText(n.IPv6Gateway)}
	case n.IPv6AutoConf:
		nic.IPv6BootProtocol = ovirt.BootAutoconf
	}
	vm.Initialization = ovirt.Initialization{
		HostName: hostName, NICs: []ovirt.NICConfiguration{nic}, DNSServers: n.Nameservers, DNSSearch: n.SearchDomains,
	}
	for _, more := range b.nics {
		if c := configurationOf(more); c.BootProtocol != "" || c.IPv6BootProtocol != "" { // the guest leaves others alone
			vm.Initialization.NICs = append(vm.Initialization.NICs, c)
		}
	}
}

// configurationOf is a NIC beside the first one, which never has a gateway.
func configurationOf(n boot.NIC) ovirt.NICConfiguration {
	c := ovirt.NICConfiguration{Name: n.Device, OnBoot: true}
	if n.IPv4.IsValid() {
		c.BootProtocol, c.IPv4 = ovirt.BootStatic, &ovirt.IPConfiguration{Address: n.IPv4.Addr().String(), Netmask: dotted(n.IPv4)}
	}
	if n.IPv6.IsValid() {
		c.IPv6BootProtocol = ovirt.BootStatic
		c.IPv6 = &ovirt.IPConfiguration{Address: n.IPv6.Addr().String(), Netmask: strconv.Itoa(n.IPv6.Bits())}
	}
	return c
}

func dotted(subnet netip.Prefix) string { return net.IP(net.CIDRMask(subnet.Bits(), 32)).String() }

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// wrongImage waits for another template, where this one is known to hold an image that cannot read the machine's bootstrap data. Such a
// VM would run and never become a node.
func wrongImage(olvm *infrav1.OLVMMachine, d machine.Desired, data bootData) (ctrl.Result, bool) {
	mark, marked := machine.ParseImageMark(d.Place.TemplateComment)
	if !marked || mark.BootFormat() == data.format {
		return ctrl.Result{}, false
	}
	show(olvm, machine.Plan{Reason: infrav1.ImageMismatchReason, Message: fmt.Sprintf(
		"template %q holds an image that boots with %s, as its comment says, and the bootstrap data is %s: name another template, "+
			"or set format: %s in the KubeadmConfig", d.Names.Template, mark.BootFormat(), data.format, mark.BootFormat())})
	return ctrl.Result{RequeueAfter: waitForPlace}, true
}
