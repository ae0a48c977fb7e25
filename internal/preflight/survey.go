package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/spelling"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// survey is one run over an engine. Its steps return an error when the engine cannot be asked any further; everything else is a finding.
type survey struct {
	engine     *ovirt.Client
	wanted     Wanted
	dataCenter *ovirt.DataCenter // nil when it was not found
	places     []place
	vms        []ovirt.VM
	rights     *rights // of an account that is no administrator; nil when not read
	findings   []Finding
}

// vendorWithoutPods is what olvmsim says of itself (VendorWithoutPods there) when its guests are not real nodes.
const vendorWithoutPods = "olvmsim (its VMs run no Pods)"

// Run makes all checks. What cannot be looked at because something before it is missing is left out. Members are the names of VMs that the
// engine holds of a cluster of this name already, whichever management cluster that is in.
func Run(ctx context.Context, engine *ovirt.Client, w Wanted) (findings []Finding, members []string) {
	s := &survey{engine: engine, wanted: w}
	if err := s.all(ctx); err != nil {
		s.unreachable(err)
	}
	return s.sorted(), s.members()
}

func (s *survey) all(ctx context.Context) error {
	system, err := s.engine.System(ctx)
	if err != nil {
		return err
	}
	if s.wanted.SelfManaged && system.Vendor == vendorWithoutPods {
		s.report(SelfManaged, s.wanted.Subjects.SelfManaged, fmt.Sprintf("engine %s is a simulator whose VMs run no Pods, so no controllers", s.wanted.URL),
			"Write false, or start the simulator with --guests container.")
	}
	if err := s.findDataCenter(ctx); err != nil {
		return err
	}
	if err := s.checkPlaces(ctx); err != nil {
		return err
	}
	vms, err := s.engine.VMs(ctx, "")
	if err != nil {
		return s.unread(Addresses, s.wanted.Subjects.DataCenter, err)
	}
	s.vms = vms
	s.checkAddresses()
	s.checkVirtualIP(ctx)
	return nil
}

// Machines makes the checks of the groups' surroundings: what a machine needs, apart from its addresses. An error says that the engine
// could not be asked.
func Machines(ctx context.Context, engine *ovirt.Client, w Wanted) ([]Finding, error) {
	s := &survey{engine: engine, wanted: w}
	if err := s.findDataCenter(ctx); err != nil {
		return nil, err
	}
	if err := s.checkPlaces(ctx); err != nil {
		return nil, err
	}
	return s.sorted(), nil
}

// Infrastructure makes the checks of what all machines of a cluster share: data center, virtual IP, and whether the account may make VMs
// anywhere. vms are all that the account sees. An error says that the engine could not be asked.
func Infrastructure(ctx context.Context, engine *ovirt.Client, w Wanted, vms []ovirt.VM) ([]Finding, error) {
	s := &survey{engine: engine, wanted: w, vms: vms}
	if err := s.findDataCenter(ctx); err != nil {
		return nil, err
	}
	if err := s.checkPermissionsAnywhere(ctx); err != nil {
		return nil, err
	}
	s.checkHolders()
	return s.sorted(), nil
}

// findDataCenter fails like every list when the account may ask nothing.
func (s *survey) findDataCenter(ctx context.Context) error {
	all, err := s.engine.DataCenters(ctx)
	if err != nil {
		return err
	}
	subject := s.wanted.Subjects.DataCenter
	i := slices.IndexFunc(all, func(d ovirt.DataCenter) bool { return d.Name == s.wanted.DataCenter })
	if i < 0 {
		s.missing(DataCenter, subject, "data center", s.wanted.DataCenter, names(all, func(d ovirt.DataCenter) string { return d.Name }))
		return nil
	}
	s.dataCenter = &all[i]
	if status := s.dataCenter.Status; status != "" && status != statusUp {
		s.report(DataCenter, subject, fmt.Sprintf("data center %q is %s, not up", s.dataCenter.Name, status),
			"Activate its storage and its hosts in the engine.")
	}
	return nil
}

func (s *survey) report(check Check, subject, cause, next string) {
	s.add(Finding{Check: check, Severity: Error, Subject: subject, Cause: cause, Next: next})
}

func (s *survey) warn(check Check, subject, cause, next string) {
	s.add(Finding{Check: check, Severity: Warning, Subject: subject, Cause: cause, Next: next})
}

// add joins findings that differ only in where they were written: control plane and workers often share their names.
func (s *survey) add(f Finding) {
	for i := range s.findings {
		known := &s.findings[i]
		if known.Check == f.Check && known.Severity == f.Severity && known.Cause == f.Cause && known.Next == f.Next {
			if !slices.Contains(strings.Split(known.Subject, ", "), f.Subject) {
				known.Subject += ", " + f.Subject
			}
			return
		}
	}
	s.findings = append(s.findings, f)
}

// sorted puts errors before warnings, and each in the order of the checks.
func (s *survey) sorted() []Finding {
	order := Checks()
	slices.SortStableFunc(s.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(slices.Index(order, a.Check), slices.Index(order, b.Check)))
	})
	return s.findings
}

// missing lists the names that exist, the nearest first.
func (s *survey) missing(check Check, subject, kind, name string, existing []string) {
	const most = 10
	cause := fmt.Sprintf("%s sees no %s %q", s.wanted.Username, kind, name)
	nearest := spelling.NearestFirst(name, existing)
	also := ""
	if check == Template && kind == templateKind {
		also = " ocne makes templates: 'ocne image upload --type olvm', or 'ocne cluster start' with the key providers.olvm.olvmOCK.storageDomainName."
	}
	if len(nearest) == 0 {
		s.report(check, subject, cause+", and no other either",
			fmt.Sprintf("Make it in the engine, or let the engine's administrator give %s a role on it.%s", s.wanted.Username, also))
		return
	}
	more := ""
	if n := len(nearest) - most; n > 0 {
		more, nearest = fmt.Sprintf(" and %d more", n), nearest[:most]
	}
	s.report(check, subject, fmt.Sprintf("%s; it sees %s%s", cause, quoted(nearest), more),
		"Correct the name. If it is right, make the object in the engine, or let the account see it."+also)
}

// unread is for one object that could not be read: a finding when the engine refuses just this, an error when it fails.
func (s *survey) unread(check Check, subject string, err error) error {
	switch ovirt.KindOf(err) {
	case ovirt.Forbidden, ovirt.NotFound, ovirt.Invalid:
		s.add(Finding{
			Check: check, Severity: Warning, Subject: subject, Cause: fmt.Sprintf("not checked: %v", err),
			Next: "Make sure of it in the engine, as an administrator.", Err: err,
		})
		return nil
	}
	return err
}

// unreachable tells why an engine cannot be asked.
func (s *survey) unreachable(err error) {
	subjects := s.wanted.Subjects
	f := Finding{
		Check: Engine, Severity: Error, Subject: subjects.URL, Cause: fmt.Sprintf("engine %s: %v", s.wanted.URL, err), Err: err,
		Next: "Check the URL, the network between here and the engine, and the engine itself.",
	}
	_, untrusted := errors.AsType[*ovirt.UntrustedCertificateError](err)
	switch kind := ovirt.KindOf(err); {
	case untrusted:
		f.Subject, f.Next = subjects.CA, "Give a CA whose fingerprint is right with "+subjects.CA+"."
	case kind == ovirt.Auth:
		f.Check, f.Subject = Credentials, subjects.Credentials
		f.Next = "Give a user name with its profile, such as admin@internal, and its password. Engines lock an account after a few wrong ones."
	case kind == ovirt.Forbidden:
		f.Check, f.Subject = Permissions, subjects.Credentials
		f.Next = fmt.Sprintf("Let the engine's administrator give %s a role, or use another account.", s.wanted.Username)
	case kind == ovirt.NotEngine:
		f.Next = "Give the engine's own address: https://HOST/ovirt-engine."
	}
	s.add(f)
}

func names[T any](items []T, nameOf func(T) string) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, nameOf(item))
	}
	return out
}

func quoted(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", w))
	}
	return strings.Join(out, ", ")
}
