package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/incluster"
)

// hosted is a management cluster that ocne has made on a libvirt host.
type hosted struct {
	connection libvirt.Connection
	use        io.Closer // nobody removes it before that is closed
}

// openOrMake opens the management cluster that is named, or makes one when none is.
func (o CreateOptions) openOrMake(ctx context.Context, report progress.Reporter) (*Management, error) {
	if rules, _ := o.Management.kubeconfigSource(); rules != nil {
		return OpenManagement(ctx, o.Management, report)
	}
	wanted := o.Config.Ephemeral.Type
	if wanted == "" {
		exists, err := embedded.Exists(o.Management.embeddedDir())
		if err != nil {
			return nil, fmt.Errorf("embedded management cluster: %w", err)
		}
		if exists {
			wanted = config.EphemeralEmbedded
		}
	}
	if wanted == config.EphemeralEmbedded {
		return o.Management.openEmbedded(ctx, report)
	}
	plan, err := local.Ephemeral(o.Config, o.Management.Getenv)
	if err != nil {
		return nil, err
	}
	why := o.unusable(ctx, &plan, report)
	switch {
	case why == nil:
		return o.makeHosted(ctx, plan, report)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case wanted == config.EphemeralLibvirt:
		return nil, fmt.Errorf("ephemeral management cluster: %w", why)
	}
	report.Step("The management cluster runs as processes on this machine, because none can be made with libvirt: " + progress.OneLine(why.Error()))
	return o.Management.openEmbedded(ctx, report)
}

// unusable is why no management cluster can be made on the libvirt host: nothing answers there, or an image cannot be had.
func (o CreateOptions) unusable(ctx context.Context, plan *local.Plan, report progress.Reporter) error {
	if _, err := libvirt.List(ctx, plan.Connection); err != nil {
		return err
	}
	if err := incluster.HasImages(o.Management.controllersImages()); err != nil {
		return err
	}
	return plan.CheckImage(ctx, o.Management.HomeDir, report)
}

// makeHosted makes the management cluster on the libvirt host, or goes on with the one that is there.
func (o CreateOptions) makeHosted(ctx context.Context, plan local.Plan, report progress.Reporter) (m *Management, err error) {
	report.Step(fmt.Sprintf("Management cluster %s: a VM on the libvirt host %s", plan.Cluster, plan.URI))
	use, err := local.Use(ctx, o.Management.HomeDir, plan.Cluster, report)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, use.Close()) }()
	started, err := local.Start(ctx, plan, o.Management.HomeDir, report)
	if err != nil {
		return nil, err
	}
	restConfig, err := clientcmd.BuildConfigFromFlags("", started.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the management cluster: %w", err)
	}
	c := controllers{cluster: plan.Cluster, images: o.Management.controllersImages(), report: report}
	if c.client, err = workload.AccessBy(restConfig, callTimeout); err != nil {
		return nil, err
	}
	if err := c.installOn(ctx, &snapshot{nodes: started.Ready}); err != nil {
		return nil, err
	}
	options := o.Management
	options.recorded = &record.Management{Kind: record.Libvirt, Files: []string{started.Kubeconfig}, Host: plan.URI, Cluster: plan.Cluster}
	if m, err = OpenManagement(ctx, options, report); err != nil {
		return nil, err
	}
	return m, m.identify(ctx)
}

// wakingTimeout is how long a management cluster on a libvirt host may take to answer after its VM was started.
const wakingTimeout = 15 * time.Minute

// checkAwake is checkProviders; one of ours on a libvirt host whose VM was stopped is started first.
func (o ManagementOptions) checkAwake(ctx context.Context, restConfig *rest.Config, m *Management, report progress.Reporter) error {
	err := o.checkProviders(ctx, restConfig, m.Description)
	if err == nil || m.place.Kind != record.Libvirt || ctx.Err() != nil {
		return err
	}
	connection := libvirt.Connection{URI: m.place.Host, Getenv: o.Getenv}
	started, wakeErr := libvirt.Wake(ctx, connection, m.place.Cluster, func(text string) { report.Step("Management cluster " + m.place.Cluster + ": " + text) })
	if wakeErr != nil || started == 0 {
		return errors.Join(err, wakeErr)
	}
	late, cancel := context.WithTimeout(ctx, wakingTimeout)
	defer cancel()
	for {
		if err = o.checkProviders(late, restConfig, m.Description); err == nil || late.Err() != nil {
			return err
		}
		report.Show("Management cluster "+m.place.Cluster, []progress.Item{{Name: "API", State: "does not answer yet"}})
		if pause(late) != nil {
			return err
		}
	}
}

// host completes a management cluster that is remembered to be one of ours on a libvirt host.
func (o ManagementOptions) host(ctx context.Context, m *Management) error {
	if m.place.Kind != record.Libvirt {
		return nil
	}
	use, err := local.Use(ctx, o.HomeDir, m.place.Cluster, progress.Quiet{})
	if err != nil {
		return err
	}
	m.hosted, m.homeDir, m.preserve = &hosted{libvirt.Connection{URI: m.place.Host, Getenv: o.Getenv}, use}, o.HomeDir, o.Preserve
	m.writes = &writer{Client: m.Client} // it is backed up when something was written
	m.Client = m.writes
	return nil
}

// removeHosted removes the management cluster, if nobody uses it and it manages nothing.
func (m *Management) removeHosted(ctx context.Context, report progress.Reporter) error {
	if err := m.hosted.use.Close(); err != nil {
		return err
	}
	removed, err := local.DeleteUnused(ctx, m.hosted.connection, m.place.Cluster, m.place.Files[0], m.homeDir, m.idle, report)
	if err != nil {
		return fmt.Errorf("remove the management cluster %s: %w", m.place.Cluster, err)
	}
	if !removed {
		return nil
	}
	report.Step("Management cluster " + m.place.Cluster + ": removed, because it managed no cluster any more")
	return m.forgetAll(ctx)
}
