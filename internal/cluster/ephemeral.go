package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"k8s.io/client-go/rest"

	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
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
	m, err := o.openHosted(ctx, report)
	var unusable *unusableError
	switch {
	case err == nil:
		return m, nil
	case ctx.Err() != nil:
		return nil, &UnfinishedError{Err: context.Cause(ctx), Begun: o.KeepOnError, Waiting: []progress.Item{
			{Name: "management cluster", State: "not ready", Detail: err.Error()},
		}}
	case wanted == config.EphemeralLibvirt || !errors.As(err, &unusable):
		return nil, fmt.Errorf("ephemeral management cluster: %w", err)
	}
	report.Step("The management cluster runs as processes on this machine, because none can be made with libvirt: " + progress.OneLine(err.Error()))
	return o.Management.openEmbedded(ctx, report)
}

// unusableError is why no management cluster was made on a libvirt host. Nothing of it is there.
type unusableError struct{ error }

// Unwrap returns the reason.
func (e *unusableError) Unwrap() error { return e.error }

// openHosted makes the management cluster on the libvirt host, or goes on with the one that is there. The error is an *unusableError when the host or
// an image cannot be used.
func (o CreateOptions) openHosted(ctx context.Context, report progress.Reporter) (*Management, error) {
	plan, err := local.Ephemeral(o.Config, o.Management.Getenv)
	if err != nil {
		return nil, err
	}
	plan.KeepOnError = o.KeepOnError
	there, err := plan.Find(ctx, o.Management.HomeDir)
	switch {
	case errors.Is(err, libvirt.ErrOthers):
		return nil, err
	case err != nil && !errors.Is(err, libvirt.ErrNoCluster):
		return nil, &unusableError{err}
	}
	if !there.Ready {
		if err := incluster.HasImages(o.Management.controllersImages()); err != nil {
			return nil, &unusableError{err}
		}
		if err := plan.CheckImage(ctx, o.Management.HomeDir, report); err != nil {
			return nil, &unusableError{err}
		}
	}
	report.Step(fmt.Sprintf("Management cluster %s: a VM on the libvirt host %s", plan.Cluster, plan.URI))
	use, err := local.Use(ctx, o.Management.HomeDir, plan.Cluster, report)
	if err != nil {
		return nil, err
	}
	m, err := o.makeHosted(ctx, plan, report)
	err = errors.Join(err, use.Close())
	if err == nil {
		return m, nil
	}
	if there.Ready {
		return nil, stillThere(err)
	}
	if errors.Is(err, libvirt.ErrOthers) { // who was quicker
		return nil, err
	}
	if o.KeepOnError {
		report.Warn(fmt.Sprintf("management cluster %s: what was made of it is kept, as --keep-on-error says. The same command goes on with it. Remove it: %s",
			plan.Cluster, removalOf(plan)))
		return nil, stillThere(err)
	}
	if left := o.unmake(ctx, plan, report); left != nil && !errors.Is(left, libvirt.ErrOthers) { // also told when the command was interrupted
		report.Warn(fmt.Sprintf("management cluster %s: what was made of it could not all be removed: %v. Remove it: %s", plan.Cluster, left, removalOf(plan)))
		return nil, err
	}
	return nil, removedInstead(err)
}

func removalOf(plan local.Plan) string {
	return fmt.Sprintf("ocne cluster delete --provider libvirt --session %s -C %s", plan.URI, plan.Cluster)
}

// stillThere is why a management cluster that stays cannot be used. No other one takes its place: it may hold clusters, or somebody wants to look at it.
func stillThere(err error) error {
	var unusable *unusableError
	if errors.As(err, &unusable) {
		return unusable.error
	}
	return err
}

// removedInstead replaces advice that is for a cluster that stays.
func removedInstead(err error) error {
	var late *local.NotReadyError
	var silent *notRunningError
	if !errors.As(err, &late) && !errors.As(err, &silent) {
		return err
	}
	return &AdvisedError{Err: err, Advice: "What was made of it was removed. Run the same command again, or write ephemeralCluster: {type: embedded}."}
}

// makeHosted returns when the controllers of this release run in it.
func (o CreateOptions) makeHosted(ctx context.Context, plan local.Plan, report progress.Reporter) (m *Management, err error) {
	started, err := local.Start(ctx, plan, o.Management.HomeDir, report)
	var left *libvirt.LeftError
	var problem *libvirt.Error
	if errors.As(err, &problem) && !errors.As(err, &left) && !errors.Is(err, libvirt.ErrOthers) {
		return nil, &unusableError{err}
	}
	if err != nil {
		return nil, err
	}
	options := o.Management
	options.recorded = &record.Management{Kind: record.Libvirt, Files: []string{started.Kubeconfig}, Host: plan.URI, Cluster: plan.Cluster}
	if err := o.Management.refreshIn(ctx, plan.Cluster, started.Kubeconfig, report); err != nil {
		return nil, err
	}
	if m, err = OpenManagement(ctx, options, report); err != nil {
		return nil, err
	}
	return m, m.identify(ctx)
}

// installControllers makes a management cluster on a libvirt host run the controllers of this release.
func (o ManagementOptions) installControllers(ctx context.Context, name, kubeconfig string, report progress.Reporter) error {
	c, err := o.hostedControllers(name, kubeconfig, report)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(c.timeout); ; {
		err = c.update(ctx)
		// An API server that has just begun to work is slow, and what is there is not sent again.
		if err == nil || !noAnswer(err) || time.Now().After(deadline) {
			break
		}
		report.Show("Management cluster "+name, []progress.Item{{Name: "controllers", State: "waiting for the API", Detail: err.Error()}})
		if ended := pause(ctx); ended != nil {
			err = fmt.Errorf("%w while its API did not answer: %w", ended, err)
			break
		}
	}
	report.Close()
	if err != nil {
		return fmt.Errorf("management cluster %s: %w", name, err)
	}
	return nil
}

// hostedControllers are those of a management cluster on a libvirt host.
func (o ManagementOptions) hostedControllers(name, kubeconfig string, report progress.Reporter) (controllers, error) {
	c, err := o.controllersIn(name, kubeconfig, "What the management cluster holds is as it was.", report)
	c.timeout = hostedTimeout
	return c, err
}

// noAnswer says that an API did not answer, as opposed to an answer that is bad news.
func noAnswer(err error) bool {
	var network net.Error
	return errors.As(err, &network) || passing(err)
}

// unmake removes a management cluster that was never completed, unless another command is at it.
func (o CreateOptions) unmake(ctx context.Context, plan local.Plan, report progress.Reporter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTimeout)
	defer cancel()
	nothing := func(context.Context) (bool, error) { return true, nil }
	_, err := local.DeleteUnused(ctx, plan.Connection, plan.Cluster, plan.Kubeconfig, o.Management.HomeDir, nothing, report)
	return err
}

// How long a management cluster on a libvirt host may take to answer after its VM was started, how long when the VM runs already, and how long the
// removal of one may take.
const (
	wakingTimeout  = 15 * time.Minute
	bootingTimeout = 3 * time.Minute
	removalTimeout = 2 * time.Minute
)

// checkAwake is checkProviders; one of ours on a libvirt host whose VM was stopped is started first.
func (o ManagementOptions) checkAwake(ctx context.Context, restConfig *rest.Config, m *Management, report progress.Reporter) error {
	err := o.checkProviders(ctx, restConfig, m.Description)
	if err == nil || m.place.Kind != record.Libvirt || ctx.Err() != nil {
		return err
	}
	connection, ownerErr := o.hostOf(m.place)
	if ownerErr != nil {
		return errors.Join(err, ownerErr)
	}
	started, wakeErr := libvirt.Wake(ctx, connection, m.place.Cluster, func(text string) { report.Step("Management cluster " + m.place.Cluster + ": " + text) })
	if wakeErr != nil {
		return errors.Join(err, wakeErr)
	}
	patience := wakingTimeout
	if started == 0 {
		patience = bootingTimeout // somebody else may have started it just now
	}
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer report.Close()
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

// hostOf is the libvirt host of a remembered management cluster.
func (o ManagementOptions) hostOf(m record.Management) (libvirt.Connection, error) {
	owner, err := local.Owner(o.HomeDir)
	return libvirt.Connection{URI: m.Host, Getenv: o.Getenv, Owner: owner}, err
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTimeout) // half removed, it would be in the way
	defer cancel()
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
