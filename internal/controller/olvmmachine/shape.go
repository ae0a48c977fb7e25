package olvmmachine

import (
	"cmp"
	"context"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// lowPriority is what the engine's administration portal calls low.
const lowPriority = 1

// place looks up what the spec names in the engine, and completes what is wanted with it. The error is a *engine.MissingError, a
// *machine.AmbiguousTemplateError or a *machine.TooSmallError where the spec is the cause.
func place(ctx context.Context, s subject, d *machine.Desired) error {
	names := d.Names
	names.Template = "" // it is chosen by more than its name
	var err error
	if d.Place, err = s.engine.Resolve(ctx, names); err != nil {
		return err
	}
	template, mayChange, err := chooseTemplate(ctx, s, d.Place.DataCenterID)
	if err != nil {
		return err
	}
	d.Place.TemplateID, d.Place.TemplateComment, d.Place.TemplateOS = template.ID, template.Comment, template.OSType
	d.Names.Template, d.Shape.TemplateMayChange = template.Name, mayChange
	if err := shape(ctx, s, d); err != nil {
		return err
	}
	if d.Storage, err = machine.FindStorage(ctx, s.engine, *d); err != nil {
		return err
	}
	d.NIC = ovirt.NIC{Name: s.olvm.Spec.OLVMNetwork.NIC(), VNICProfileID: d.Place.VNICProfileID, Interface: s.olvm.Spec.VirtualMachine.Network.Model()}
	if d.AdditionalNICs, err = additionalNICs(ctx, s); err != nil {
		return err
	}
	return s.placement(ctx, d)
}

// shape completes what the spec says of the VM with the engine's ids.
func shape(ctx context.Context, s subject, d *machine.Desired) error {
	vm := s.olvm.Spec.VirtualMachine
	d.Shape.Tags, d.Shape.Headless = s.olvm.Spec.Tags, vm.Console.Graphics == infrav1.NoGraphics
	var err error
	if vm.QuotaName != "" {
		if d.Shape.QuotaID, err = s.engine.QuotaID(ctx, d.Place.DataCenterID, vm.QuotaName); err != nil {
			return err
		}
	}
	if ha := vm.HighAvailability; ha != nil && ha.LeaseStorageDomainName != "" {
		d.Shape.LeaseStorageDomainID, err = s.engine.StorageDomainID(ctx, d.Place.DataCenterID, ha.LeaseStorageDomainName)
	}
	return err
}

// addShape adds what the spec says of the VM to the request for it.
func addShape(request *ovirt.AddVM, vm infrav1.VirtualMachine, s machine.Shape) {
	request.QuotaID, request.LeaseStorageDomainID = s.QuotaID, s.LeaseStorageDomainID
	request.DeleteProtected, request.SerialConsole = vm.DeleteProtection, vm.Console.Serial
	if vm.Console.Graphics != infrav1.NoGraphics {
		request.Display = vm.Console.Graphics
	}
	if ha := vm.HighAvailability; ha != nil {
		request.HighAvailability = &ovirt.HighAvailability{Priority: int(cmp.Or(ha.Priority, lowPriority))}
	}
}
