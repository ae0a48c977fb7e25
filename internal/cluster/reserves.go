package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// reserves are what a change of a running cluster needs of its address pools and of its engine. Nothing is changed while they are checked.
type reserves struct {
	*Management
	s      *snapshot
	groups []machineGroup // with the numbers of nodes and the templates that are wanted
	skip   []string       // names of checks of the engine
	image  *config.Image  // what a missing VM template is made of; nil when none is to be made
	home   string         // the directory that has .ocne
	report progress.Reporter
}

// addresses compares the pools with the nodes that are wanted; surge, when it is not nil, gets one node more, because a rollout makes a new
// node before it removes an old one.
func (r reserves) addresses(surge *machineGroup) error {
	var groups []config.AddressGroup
	for i := range r.groups {
		g := &r.groups[i]
		if g.replicas == 0 {
			continue
		}
		group := config.AddressGroup{
			Key: "OLVMMachineTemplate " + g.template.Name + " spec.template.spec", Nodes: int(g.replicas),
			What:    fmt.Sprintf("%d of the %s", g.replicas, g.title),
			Network: g.template.Spec.Template.Spec.VirtualMachine.Network, NetworkName: g.template.Spec.Template.Spec.OLVMNetwork.NetworkName,
			NICs: g.template.Spec.Template.Spec.VirtualMachine.AdditionalNICs,
		}
		if g == surge {
			group.Nodes++
			group.What += " and one more while they are replaced"
		}
		groups = append(groups, group)
	}
	short := config.ShortOfAddresses(r.s.cluster.Spec.ControlPlaneEndpoint.Host, groups)
	if len(short) == 0 {
		return nil
	}
	var lines []string
	for _, p := range short {
		lines = append(lines, p.String())
	}
	return &AdvisedError{
		Err: errors.New("there are not enough addresses: " + strings.Join(lines, "; ")),
		Advice: "Nothing was changed. Add addresses to ipAddresses in the cluster file and start the cluster again, which replaces no machine:\n" +
			"  ocne cluster start -c FILE",
	}
}

// engine asks the engine, with the account that the controllers use, whether it has what the machines need.
func (r reserves) engine(ctx context.Context) error {
	skip, err := preflight.ParseSkip(r.skip)
	if err != nil {
		return err
	}
	account, err := credentials.Account(ctx, r.Client, r.s.infrastructure)
	if err != nil {
		return fmt.Errorf("read the engine's account of cluster %s: %w", r.s.cluster.Name, err)
	}
	engine, err := ovirt.New(ovirt.Config{
		URL: account.URL, Username: account.Username, Password: account.Password, Scope: account.Scope, CA: account.CA,
		InsecureSkipTLSVerify: account.InsecureSkipTLSVerify,
	})
	if err != nil {
		return fmt.Errorf("engine %s: %w", account.URL, err)
	}
	defer engine.Close()
	defer Logout(ctx, engine)
	wanted := r.wanted(account.URL, account.Username)
	if err := r.ensureTemplates(ctx, engine, wanted, skip); err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	all, _ := preflight.Run(asking, engine, wanted)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.judge(account.URL, preflight.Without(all, skip...))
}

// judge tells warnings and refuses errors. An engine that this machine does not reach is a warning: the controllers may be nearer to it.
func (r reserves) judge(url string, findings []preflight.Finding) error {
	for i := range findings {
		f := &findings[i]
		if f.Severity == preflight.Error && ovirt.KindOf(f.Err) == ovirt.Unavailable {
			f.Severity, f.Cause = preflight.Warning, "it was not checked whether the engine has what the machines need: "+f.Cause
		}
		if f.Severity == preflight.Warning {
			r.report.Warn(fmt.Sprintf("%s. %s", f, f.Next))
		}
	}
	if !preflight.Failed(findings) {
		return nil
	}
	return &AdvisedError{
		Err:    &PreflightError{URL: url, Findings: findings, Change: true},
		Advice: "Nothing was changed.",
	}
}

func (r reserves) wanted(url, username string) preflight.Wanted {
	w := preflight.Wanted{
		Subjects: preflight.Subjects{
			URL: "OLVMCluster spec.olvmOvirtAPIServer.serverURL", CA: "OLVMCluster spec.olvmOvirtAPIServer.caConfigMap",
			Credentials: "Secret " + r.s.infrastructure.Spec.OLVMOvirtAPIServer.CredentialsSecret.Name, DataCenter: "OLVMCluster spec.olvmDatacenterName",
		},
		URL: url, Username: username, Owner: r.s.cluster.Namespace + "/" + r.s.cluster.Name, DataCenter: r.s.infrastructure.Spec.OLVMDatacenterName,
	}
	live := config.Config{VirtualIP: r.s.cluster.Spec.ControlPlaneEndpoint.Host}
	for i := range r.groups {
		g := &r.groups[i]
		if g.replicas == 0 {
			continue
		}
		spec := g.template.Spec.Template.Spec
		group := preflight.Group{
			Path: g.title + ": ", Nodes: int(g.replicas), HoldsVirtualIP: g.controlPlane, Cluster: spec.OLVMOvirtClusterName,
			Template: spec.VMTemplateName, NIC: spec.OLVMNetwork.NIC(), Network: spec.OLVMNetwork.NetworkName, VNICProfile: spec.OLVMNetwork.VNICProfileName,
			Disks: preflight.DisksOf(spec.VirtualMachine, ""), Shape: preflight.ShapeOf(spec), Format: g.format,
		}
		for _, usable := range live.UsableAddresses(config.Machine{VirtualMachine: spec.VirtualMachine}) {
			group.Pools = append(group.Pools, preflight.Pool{Subject: g.title + usable.Key, Addresses: usable.Pool})
		}
		group.AdditionalNICs = checkedNICs(&live, g.title, spec.VirtualMachine)
		group.Place(spec.Placement)
		w.Groups = append(w.Groups, r.spread(g).over(group)...)
	}
	return w
}
