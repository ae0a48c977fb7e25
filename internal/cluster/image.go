package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// ConnectEngine returns a client of the engine that a configuration names, with the credentials of the environment or of the file that it
// names. The caller logs out and closes it.
func ConnectEngine(c *config.Config, getenv func(string) string) (*ovirt.Client, error) {
	account, err := c.Credentials(getenv)
	if err != nil {
		return nil, err
	}
	p := &plan{account: account}
	if p.ca, err = c.CAConfigMap(); err != nil {
		return nil, err
	}
	return connect(c.OLVM.APIServer, p)
}

// wantedTemplate is a VM template that machines name, with the machines' architecture.
type wantedTemplate struct {
	name, architecture, hostCluster string
}

// templatesOf are the VM templates of all groups of machines, but for those whose image has cloud-init: ocne makes images with Ignition.
func templatesOf(c *config.Config) []wantedTemplate {
	var wanted []wantedTemplate
	add := func(m config.Machine, controlPlane bool) {
		if m.BootFormat() != boot.FormatIgnition || m.VMTemplateID != "" { // which can only be there
			return
		}
		wanted = append(wanted, wantedTemplate{m.VMTemplateName, m.Architecture(), c.HostCluster(m, controlPlane)})
	}
	add(c.OLVM.ControlPlaneMachine, true)
	for _, pool := range c.Pools() {
		add(pool.Machine, false)
	}
	return wanted
}

// ensureTemplates makes the VM templates that the machines name and the engine does not have, if the configuration says where their disks go.
// Everything else is checked before: nobody wants to wait for an upload to hear that the network's name is wrong.
func ensureTemplates(ctx context.Context, o CreateOptions, p *plan, report progress.Reporter) error {
	c := o.Config
	if c.Image.StorageDomain == "" {
		return nil
	}
	engine, err := connect(c.OLVM.APIServer, p)
	if err != nil {
		return err
	}
	defer engine.Close()
	defer Logout(ctx, engine)
	missing, err := missingTemplates(ctx, engine, c.OLVM.DatacenterName, templatesOf(c))
	if err != nil || len(missing) == 0 {
		return nil // the checks of the engine that follow say it, and what to do
	}
	without := o
	without.SkipPreflight = append(slices.Clone(o.SkipPreflight), string(preflight.Template), string(preflight.Storage))
	if err := checkEngine(ctx, without, p, progress.Quiet{Reporter: report}); err != nil {
		return err
	}
	maker := &image.Maker{Engine: engine, Directory: image.Directory(o.Management.HomeDir), Report: report}
	return makeTemplates(ctx, maker, c.Image, c.OLVM.APIServer.ServerURL, c.OLVM.DatacenterName, missing)
}

// ensureTemplates does the same for machines of a running cluster.
func (r reserves) ensureTemplates(ctx context.Context, engine *ovirt.Client, wanted preflight.Wanted, skip []preflight.Check) error {
	if r.image == nil || r.image.StorageDomain == "" {
		return nil
	}
	var templates []wantedTemplate
	for i := range r.groups {
		if r.groups[i].format != boot.FormatIgnition {
			continue
		}
		spec := r.groups[i].template.Spec.Template.Spec
		if spec.VMTemplateID != "" {
			continue
		}
		m := config.Machine{VirtualMachine: spec.VirtualMachine}
		templates = append(templates, wantedTemplate{spec.VMTemplateName, m.Architecture(), r.hostCluster(&r.groups[i])})
	}
	missing, err := missingTemplates(ctx, engine, wanted.DataCenter, templates)
	if err != nil || len(missing) == 0 {
		return nil // the checks of the engine that follow say it, and what to do
	}
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	all, _ := preflight.Run(asking, engine, wanted)
	findings := preflight.Without(all, append(slices.Clone(skip), preflight.Template, preflight.Storage)...)
	if preflight.Failed(findings) {
		return r.judge(wanted.URL, findings)
	}
	maker := &image.Maker{Engine: engine, Directory: image.Directory(r.home), Report: r.report}
	return makeTemplates(ctx, maker, *r.image, wanted.URL, wanted.DataCenter, missing)
}

func makeTemplates(ctx context.Context, maker *image.Maker, from config.Image, url, dataCenter string, missing []wantedTemplate) error {
	for _, w := range missing {
		maker.Report.Step(fmt.Sprintf("The engine has no VM template %s: it is made of the image %s", w.name, from.Reference))
		made, err := maker.Make(ctx, ImageSource(from, w.architecture), ImageTarget(from, url, dataCenter, w.name, w.hostCluster))
		if err != nil {
			return &AdvisedError{
				Err: fmt.Errorf("VM template %s: %w", w.name, err),
				Advice: adviceOf(err, "Nothing of the cluster was changed. Run the same command again: what was pulled is not pulled again, and the "+
					"engine holds nothing of this try."),
			}
		}
		maker.Report.Step(fmt.Sprintf("VM template %s, version %d, holds the image %s", w.name, made.Template.Version, made.Digest))
	}
	return nil
}

// missingTemplates are those that the engine does not have, each once.
func missingTemplates(ctx context.Context, engine *ovirt.Client, dataCenter string, wanted []wantedTemplate) ([]wantedTemplate, error) {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	where, err := engine.DataCenterByName(asking, dataCenter)
	if err != nil {
		return nil, err
	}
	templates, err := engine.Templates(asking, where.ID)
	if err != nil {
		return nil, err
	}
	var missing []wantedTemplate
	for _, w := range wanted {
		named := func(name string) bool { return name == w.name }
		has := slices.ContainsFunc(templates, func(t ovirt.Template) bool { return named(t.Name) })
		if !has && !slices.ContainsFunc(missing, func(m wantedTemplate) bool { return named(m.name) }) {
			missing = append(missing, w)
		}
	}
	return missing, nil
}

// ImageSource is a configured image, for an architecture.
func ImageSource(from config.Image, architecture string) image.Source {
	return image.Source{
		Reference: from.Reference, Architecture: architecture, KernelArgs: strings.Join(from.KernelArgs, " "), Mirrors: from.Mirrors,
		CAFile: from.RegistryCAPath,
	}
}

// ImageTarget is a VM template of a configured image in the engine at a URL. hostCluster is one of the engine's clusters.
func ImageTarget(from config.Image, url, dataCenter, template, hostCluster string) image.Target {
	return image.Target{
		URL: url, DataCenter: dataCenter, Cluster: hostCluster, Template: template,
		StorageDomain: from.StorageDomain, DiskName: from.DiskName, DiskSize: from.DiskSize,
	}
}

// adviceOf is what an error says that there is to do, and what holds for all errors.
func adviceOf(err error, always string) string {
	var adviser interface{ Advice() string }
	if errors.As(err, &adviser) {
		return adviser.Advice() + "\n" + always
	}
	return always
}

// Logout ends a session: else the engine would end it only when it has idled.
func Logout(ctx context.Context, engine *ovirt.Client) {
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	_ = engine.Logout(afterwards)
}
