package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	engine, err := ovirt.New(engineConfig(c.OLVM.APIServer, p))
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", c.OLVM.APIServer.ServerURL, err)
	}
	return engine, nil
}

// wantedTemplate is a VM template that machines name, with the machines' architecture.
type wantedTemplate struct {
	name, architecture, hostCluster string
}

// templatesOf are the VM templates of all groups of machines, each once.
func templatesOf(c *config.Config) []wantedTemplate {
	var wanted []wantedTemplate
	add := func(m config.Machine) {
		if !slices.ContainsFunc(wanted, func(w wantedTemplate) bool { return w.name == m.VMTemplateName }) {
			wanted = append(wanted, wantedTemplate{m.VMTemplateName, m.Architecture(), m.OLVMOvirtClusterName})
		}
	}
	add(c.OLVM.ControlPlaneMachine)
	for _, pool := range c.Pools() {
		add(pool.Machine)
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
	engine, err := ovirt.New(engineConfig(c.OLVM.APIServer, p))
	if err != nil {
		return fmt.Errorf("engine %s: %w", c.OLVM.APIServer.ServerURL, err)
	}
	defer engine.Close()
	defer Logout(ctx, engine)
	missing, err := missingTemplates(ctx, engine, c)
	if err != nil || len(missing) == 0 {
		return nil //nolint:nilerr // the checks of the engine that follow say it, and what to do
	}
	without := o
	without.SkipPreflight = append(slices.Clone(o.SkipPreflight), string(preflight.Template), string(preflight.Storage))
	if err := checkEngine(ctx, without, p, progress.Quiet{Reporter: report}); err != nil {
		return err
	}
	maker := &image.Maker{Engine: engine, Directory: image.Directory(o.Management.HomeDir), Report: report}
	for _, w := range missing {
		report.Step(fmt.Sprintf("The engine has no VM template %s: it is made of the image %s", w.name, c.Image.Reference))
		made, err := maker.Make(ctx, ImageSource(c, w.architecture), ImageTarget(c, w.name, w.hostCluster))
		if err != nil {
			return &AdvisedError{
				Err:    fmt.Errorf("VM template %s: %w", w.name, err),
				Advice: adviceOf(err, "The cluster was not begun. Run the same command again: what was pulled and sent is not pulled and sent again."),
			}
		}
		report.Step(fmt.Sprintf("VM template %s, version %d, holds the image %s", w.name, made.Template.Version, made.Digest))
	}
	return nil
}

func missingTemplates(ctx context.Context, engine *ovirt.Client, c *config.Config) ([]wantedTemplate, error) {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	dataCenter, err := engine.DataCenterByName(asking, c.OLVM.DatacenterName)
	if err != nil {
		return nil, err
	}
	templates, err := engine.Templates(asking, dataCenter.ID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(templatesOf(c), func(w wantedTemplate) bool {
		return slices.ContainsFunc(templates, func(t ovirt.Template) bool { return t.Name == w.name })
	}), nil
}

// ImageSource is the image that a configuration names, for an architecture.
func ImageSource(c *config.Config, architecture string) image.Source {
	return image.Source{
		Reference: c.Image.Reference, Architecture: architecture, KernelArgs: strings.Join(c.Image.KernelArgs, " "), Mirrors: c.Image.Mirrors,
		CAFile: c.Image.RegistryCAPath,
	}
}

// ImageTarget is a VM template in the engine that a configuration names. hostCluster is one of the engine's clusters.
func ImageTarget(c *config.Config, template, hostCluster string) image.Target {
	return image.Target{
		URL: c.OLVM.APIServer.ServerURL, DataCenter: c.OLVM.DatacenterName, Cluster: hostCluster, Template: template,
		StorageDomain: c.Image.StorageDomain, DiskName: c.Image.DiskName, DiskSize: c.Image.DiskSize,
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
