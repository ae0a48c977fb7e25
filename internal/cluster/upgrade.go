package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// UpgradeOptions say what the machines of a cluster shall become.
type UpgradeOptions struct {
	Selection
	// FromFile says that the configuration is a cluster file, which describes the machines. Else they stay as they are, but for version
	// and VM template.
	FromFile bool
	// Version in the form v1.33.10; empty means the configuration's with FromFile, else the control plane's own.
	Version string
	// VMTemplate is the VM template of all machines; empty means the configuration's with FromFile, else that of each group.
	VMTemplate string
	// NodeStartupTimeout is how long a VM may run before its node is Ready; 0 means DefaultNodeStartupTimeout.
	NodeStartupTimeout time.Duration
	// SkipPreflight are names of checks of the engine whose findings are left out, or "all".
	SkipPreflight []string
}

// Upgrade replaces the machines of a cluster by ones of another Kubernetes version, VM template or shape: first the control plane's, then
// those of one worker pool after the other. All checks come before the first change. It may be interrupted and called again, and goes on
// where it was; the error is an *UnfinishedError then.
func Upgrade(ctx context.Context, o UpgradeOptions, report progress.Reporter) (*Details, error) {
	m, u, err := o.prepare(ctx, report)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	d, err := u.run(ctx)
	m.backUpAfter(ctx, o.Config.Backup, report)
	return d, errors.Join(err, m.Close())
}

// upgrade is one run of the command.
type upgrade struct {
	*Management
	options UpgradeOptions
	report  progress.Reporter
	key     client.ObjectKey
	version string
	// rollouts are the control plane's and then those of the worker pools.
	rollouts []rollout
	target   target
	// releases of the nodes that the upgrade makes.
	releases releases
}

// prepare opens the management cluster and makes all checks.
func (o UpgradeOptions) prepare(ctx context.Context, report progress.Reporter) (*Management, *upgrade, error) {
	if o.FromFile {
		if err := o.Config.Validate(); err != nil {
			return nil, nil, err
		}
	}
	m, found, err := o.open(ctx, report)
	if err != nil {
		return nil, nil, err
	}
	report.Step("Management cluster: " + m.Description)
	u := &upgrade{Management: m, options: o, report: report, key: client.ObjectKeyFromObject(found)}
	u.releases = releases{
		report: report, concerns: u.wants,
		next: "Run the command again with --vm-template and another VM template, which holds the version: the machine is replaced then.",
	}
	if err := u.plan(ctx); err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	return m, u, nil
}

// plan works out what is to be done, and refuses what cannot be done, before anything is changed.
func (u *upgrade) plan(ctx context.Context) error {
	s, err := observe(ctx, u.Client, u.key)
	if err != nil {
		return err
	}
	if err := s.changeable(); err != nil {
		return err
	}
	u.version = cmp.Or(u.options.Version, s.controlPlane.Spec.Version)
	if u.options.FromFile && u.options.Version == "" {
		u.version = u.options.Config.KubernetesVersion
	}
	if err := checkSkew(u.version, s); err != nil {
		return err
	}
	u.target = s.intended()
	u.target.version = u.version
	groups, err := u.groups(ctx, s)
	if err != nil {
		return err
	}
	if err := u.planRollouts(groups, s); err != nil {
		return err
	}
	return u.checkReserves(ctx, s)
}

func (u *upgrade) planRollouts(groups []machineGroup, s *snapshot) error {
	specs, err := u.configured()
	if err != nil {
		return err
	}
	var unsaid []string
	for _, g := range groups {
		spec, described := specs[g.name()]
		if !described {
			spec = *g.template.Spec.Template.Spec.DeepCopy()
		}
		if u.options.FromFile && !described {
			u.report.Warn(fmt.Sprintf("the %s is not in the configuration: its machines keep their shape", g.title))
		}
		before := vmTemplateOf(g.template.Spec.Template.Spec)
		if u.options.VMTemplate != "" {
			nameTemplate(&spec, u.options.VMTemplate)
		}
		if g.version != u.version && vmTemplateOf(spec) == before && u.options.VMTemplate == "" {
			unsaid = append(unsaid, fmt.Sprintf("the %s, of Kubernetes %s, is made from VM template %s", g.title, g.version, before))
		}
		r, err := newRollout(g, u.version, spec, s.cluster)
		if err != nil {
			return err
		}
		u.rollouts = append(u.rollouts, r)
	}
	if len(unsaid) == 0 {
		return nil
	}
	return &AdvisedError{
		Err: fmt.Errorf("a VM template holds one version of Kubernetes, and none was named that holds %s: %s", u.version, strings.Join(unsaid, "; ")),
		Advice: "Nothing was changed. Name the VM template that holds it with --vm-template; the same name as before if the template was made anew in\n" +
			"the engine.",
	}
}

// configured are the machines that the cluster file describes, by the names of their groups.
func (u *upgrade) configured() (map[string]infrav1.OLVMMachineSpec, error) {
	if !u.options.FromFile {
		return nil, nil
	}
	objects, err := u.options.Config.Objects()
	if err != nil {
		return nil, err
	}
	specs := map[string]infrav1.OLVMMachineSpec{}
	for _, obj := range objects {
		if t, ok := obj.(*infrav1.OLVMMachineTemplate); ok { // at first, a group's template has the group's name
			specs[t.Name] = t.Spec.Template.Spec
		}
	}
	return specs, nil
}

// checkReserves looks for an address that is free while a machine is replaced, and asks the engine.
func (u *upgrade) checkReserves(ctx context.Context, s *snapshot) error {
	from := u.options.Config.ForVersion(u.version)
	r := reserves{
		Management: u.Management, s: s, skip: u.options.SkipPreflight, image: &from, home: u.options.Management.HomeDir, report: u.report,
	}
	for i := range u.rollouts {
		g := u.rollouts[i].machineGroup
		g.template = u.rollouts[i].want
		r.groups = append(r.groups, g)
	}
	replaces := false
	for i := range u.rollouts {
		if !u.rollouts[i].replaces() {
			continue
		}
		replaces = true
		if err := r.addresses(&r.groups[i]); err != nil {
			return err
		}
	}
	if !replaces {
		return nil
	}
	return r.engine(ctx)
}

func (u *upgrade) run(ctx context.Context) (*Details, error) {
	done := nothing
	if err := u.options.Management.refresh(ctx, u.Management, u.report); err != nil {
		return nil, unfinished(ctx, err, done, nil)
	}
	for i := range u.rollouts {
		r := &u.rollouts[i]
		if err := u.begin(ctx, r, &done); err != nil {
			return nil, unfinished(ctx, err, done, nil)
		}
		reached := func(s *snapshot) bool { return r.complete(s, u.target) }
		if _, err := u.await(ctx, u.awaited(reached), u.report); err != nil {
			return nil, u.atLeast(err, done)
		}
		u.report.Step(fmt.Sprintf("The %s is of Kubernetes %s", r.title, u.version))
	}
	last, err := u.await(ctx, u.awaited(u.target.reached), u.report)
	if err != nil {
		return nil, u.atLeast(err, done)
	}
	if err := u.removeOldTemplates(ctx, u.key, u.rollouts, u.report); err != nil {
		return nil, unfinished(ctx, err, complete, nil)
	}
	u.report.Step(fmt.Sprintf("Cluster %s is of Kubernetes %s", u.key.Name, u.version))
	return u.details(ctx, last, u.options.Config.KubeconfigPath())
}

// begin writes what makes Cluster API replace the machines of a group.
func (u *upgrade) begin(ctx context.Context, r *rollout, done *extent) error {
	if r.write {
		if err := u.applyTemplate(ctx, r, u.report); err != nil {
			return err
		}
		*done = max(*done, begun)
	}
	if !r.replaces() {
		return nil
	}
	if err := u.Client.Patch(ctx, r.object, client.RawPatch(types.MergePatchType, r.patch()), fieldOwner); err != nil {
		return fmt.Errorf("upgrade the %s of cluster %s: %w", r.title, u.key, err)
	}
	*done = max(*done, begun)
	if r.version == r.to {
		u.report.Step(fmt.Sprintf("Replacing the machines of the %s", r.title))
	} else {
		u.report.Step(fmt.Sprintf("Upgrading the %s from Kubernetes %s to %s", r.title, r.version, r.to))
	}
	return nil
}

func (u *upgrade) awaited(reached func(*snapshot) bool) awaited {
	return awaited{
		key: u.key, title: "Upgrading cluster " + u.key.Name, target: u.target, reached: reached, check: u.releases.others,
		nodeStartup: u.options.NodeStartupTimeout,
	}
}

// atLeast corrects what a wait says of an interruption: not everything has been written yet.
func (u *upgrade) atLeast(err error, done extent) error {
	if e := (*UnfinishedError)(nil); errors.As(err, &e) {
		e.Begun, e.Applied = done >= begun, false
	}
	return err
}

// wants says whether the upgrade has made a machine, from a machine template that is wanted. Others are being replaced.
func (u *upgrade) wants(m *clusterv1.Machine, im *infrav1.OLVMMachine) bool {
	from := im.Annotations[clusterv1.TemplateClonedFromNameAnnotation]
	return m.Spec.Version == u.version && slices.ContainsFunc(u.rollouts, func(r rollout) bool { return r.want.Name == from })
}
