package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// checkTimeout bounds everything that is asked of the engine before a cluster is made.
const checkTimeout = time.Minute

// PreflightOptions say what to check.
type PreflightOptions struct {
	// Config is the loaded configuration; it is validated here.
	Config *config.Config
	// Management chooses the management cluster, whose controllers may reach an engine that this machine does not.
	Management ManagementOptions
	// Getenv reads the engine's credentials.
	Getenv func(string) string
	// FromHere says that an engine that this machine does not reach is an error, whoever else may reach it.
	FromHere bool
	// Skip are names of checks whose findings are left out, or "all".
	Skip []string
}

// PreflightError says that a cluster cannot be made or changed. Nothing was changed.
type PreflightError struct {
	// URL of the engine.
	URL string
	// Findings are everything that was found, with at least one error.
	Findings []preflight.Finding
	// Change says that a cluster that exists cannot be changed as it was asked for.
	Change bool
}

// Error lists the errors: what to change, why, and what to do. Warnings are told as they are found.
func (e *PreflightError) Error() string {
	var text strings.Builder
	n := 0
	for _, f := range e.Findings {
		if f.Severity != preflight.Error {
			continue
		}
		n++
		_, _ = fmt.Fprintf(&text, "\n\n  %s\n    %s\n    %s (To go on without this check: --skip-preflight=%s)",
			f.Subject, progress.OneLine(f.Cause), f.Next, f.Check)
	}
	things := "1 thing is"
	if n > 1 {
		things = fmt.Sprintf("%d things are", n)
	}
	verb := "made"
	if e.Change {
		verb = "changed"
	}
	return fmt.Sprintf("the cluster cannot be %s with engine %s: %s not right%s", verb, e.URL, things, text.String())
}

// Preflight asks the engine, read-only, whether the configured cluster can be made, and tells warnings to report. The findings are errors
// and warnings; the error says that there was nothing to ask with: an invalid configuration, missing credentials, the end of the context.
func Preflight(ctx context.Context, o PreflightOptions, report progress.Reporter) ([]preflight.Finding, error) {
	p, err := newPlan(o.Config, o.Getenv)
	if err != nil {
		return nil, err
	}
	return o.run(ctx, p, report)
}

func (o PreflightOptions) run(ctx context.Context, p *plan, report progress.Reporter) ([]preflight.Finding, error) {
	skip, err := preflight.ParseSkip(o.Skip)
	if err != nil {
		return nil, err
	}
	if slices.Contains(skip, preflight.All) {
		report.Warn("The engine was not asked whether it has what the machines need: all checks were skipped")
		return nil, nil
	}
	all, err := o.ask(ctx, p)
	if err != nil {
		return nil, err
	}
	findings := preflight.Without(all, skip...)
	for _, f := range findings {
		if f.Severity == preflight.Warning {
			report.Warn(fmt.Sprintf("%s. %s", f, f.Next))
		}
	}
	if !preflight.Failed(all) && !unasked(all) {
		report.Step(fmt.Sprintf("Engine %s: the login works, and everything that the machines need is there", o.Config.OLVM.APIServer.ServerURL))
	}
	return findings, nil
}

// ask logs in, asks, and logs out: else the engine would end the session only when it has idled.
func (o PreflightOptions) ask(ctx context.Context, p *plan) ([]preflight.Finding, error) {
	server := o.Config.OLVM.APIServer
	engine, err := connect(server, p)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	findings, members := preflight.Run(asking, engine, o.wanted(p))
	p.inEngine = members
	Logout(ctx, engine)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i := range findings {
		if f := &findings[i]; o.isOnlyFromHere(*f, p) {
			f.Severity, f.Cause = preflight.Warning, "what the configuration names in the engine was not checked: "+f.Cause
			f.Next = "The controllers ask the engine from the management cluster; see the conditions of the OLVMCluster."
		}
	}
	return findings, nil
}

// isOnlyFromHere tells that this machine cannot ask the engine, which says little of the controllers: they may be nearer to it, and a CA
// that users keep in the management cluster is not known here.
func (o PreflightOptions) isOnlyFromHere(f preflight.Finding, p *plan) bool {
	if noHost, unknown := errors.AsType[*net.DNSError](f.Err); o.FromHere || ovirt.KindOf(f.Err) != ovirt.Unavailable || unknown && noHost.IsNotFound {
		return false
	}
	if _, untrusted := errors.AsType[*ovirt.UntrustedCertificateError](f.Err); untrusted {
		return p.ca == nil && o.Config.OLVM.APIServer.CAConfigMap.Name != ""
	}
	rules, _ := o.Management.kubeconfigSource()
	return rules != nil
}

// unasked says that the checks ended early.
func unasked(findings []preflight.Finding) bool {
	return slices.ContainsFunc(findings, func(f preflight.Finding) bool { return f.Check == preflight.Engine })
}

func (o PreflightOptions) wanted(p *plan) preflight.Wanted {
	c := o.Config
	const server = "providers.olvm.olvmOvirtAPIServer."
	credentials := config.UsernameVariable + " and " + config.PasswordVariable
	if o.Getenv(config.PasswordVariable) == "" {
		credentials = server + "credentialsFile"
	}
	vip, _ := netip.ParseAddr(c.VirtualIP) // valid, as Validate makes sure
	controlPlane := o.group("providers.olvm.controlPlaneMachine", c.OLVM.ControlPlaneMachine, c.ControlPlaneNodes)
	controlPlane.HoldsVirtualIP = c.LoadBalancer.Type != infrav1.LoadBalancerExternal
	if !controlPlane.HoldsVirtualIP {
		vip = netip.Addr{} // something answers there already, as it should
	}
	domains := spread{all: c.OLVM.FailureDomains, controlPlane: true, key: config.FailureDomainKey}
	groups := domains.over(controlPlane)
	for _, pool := range c.Pools() {
		domains.controlPlane, domains.name = false, pool.Machine.FailureDomain
		groups = append(groups, domains.over(o.group(pool.Key(), pool.Machine, pool.Nodes))...)
	}
	return preflight.Wanted{
		Subjects: preflight.Subjects{
			URL: server + "serverURL", CA: server + "serverCAPath", Credentials: credentials,
			DataCenter: "providers.olvm.olvmDatacenterName", VirtualIP: "virtualIp",
			SelfManaged: "providers.olvm.selfManaged",
		},
		URL: c.OLVM.APIServer.ServerURL, Username: p.account.Username, Owner: p.key.String(), DataCenter: c.OLVM.DatacenterName,
		VirtualIP: vip, Port: c.APIServerPort, SelfManaged: c.SelfManaged,
		Groups: groups,
	}
}

func (o PreflightOptions) group(key string, m config.Machine, nodes int) preflight.Group {
	g := preflight.Group{
		Path: key + ".", Nodes: nodes, Cluster: m.OLVMOvirtClusterName, Template: m.VMTemplateName, NIC: m.OLVMNetwork.NIC(),
		Network: m.OLVMNetwork.NetworkName, VNICProfile: m.OLVMNetwork.VNICProfileName,
		Disks: preflight.DisksOf(m.VirtualMachine, ""), Shape: preflight.ShapeOf(m.Spec()), Format: m.BootFormat(),
	}
	g.Place(m.Placement)
	for _, usable := range o.Config.UsableAddresses(m) {
		g.Pools = append(g.Pools, preflight.Pool{Subject: key + usable.Key, Addresses: usable.Pool})
	}
	g.AdditionalNICs = checkedNICs(o.Config, key, m.VirtualMachine)
	return g
}

// checkedNICs are a group's additional NICs with what is free of their pools to take.
func checkedNICs(c *config.Config, key string, vm infrav1.VirtualMachine) []preflight.NIC {
	nics := preflight.NICs(key+".", vm.AdditionalNICs)
	for i := range nics {
		for _, usable := range c.UsableOnNIC(i, vm.AdditionalNICs[i]) {
			nics[i].Pools = append(nics[i].Pools, preflight.Pool{Subject: key + usable.Key, Addresses: usable.Pool})
		}
	}
	return nics
}

func connect(server config.APIServer, p *plan) (*ovirt.Client, error) {
	c := ovirt.Config{
		URL:                   server.ServerURL,
		Username:              p.account.Username,
		Password:              p.account.Password,
		Scope:                 p.account.Scope,
		InsecureSkipTLSVerify: server.InsecureSkipTLSVerify,
	}
	if p.ca != nil {
		c.CA = []byte(strings.Join(slices.Collect(maps.Values(p.ca.Data)), "\n"))
	}
	engine, err := ovirt.New(c)
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", server.ServerURL, err)
	}
	return engine, nil
}

// checkEngine ends the creation of a cluster before anything is made, and before the credentials of a running cluster are replaced by ones
// that do not work.
func checkEngine(ctx context.Context, o CreateOptions, p *plan, report progress.Reporter) error {
	options := PreflightOptions{Config: o.Config, Management: o.Management, Getenv: o.Getenv, Skip: o.SkipPreflight}
	findings, err := options.run(ctx, p, report)
	if err != nil || !preflight.Failed(findings) {
		return err
	}
	return &AdvisedError{Err: &PreflightError{URL: o.Config.OLVM.APIServer.ServerURL, Findings: findings}, Advice: "Nothing was changed."}
}
