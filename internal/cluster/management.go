package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// callTimeout bounds one call to a Kubernetes API.
const callTimeout = 30 * time.Second

// ManagementOptions choose the management cluster: the one of Flag, else the one that is remembered for the cluster, else the first kubeconfig
// of $KUBECONFIG and Config that is set, else the embedded management cluster.
type ManagementOptions struct {
	// Flag is the value of --kubeconfig.
	Flag string
	// Config is the kubeconfig that the configuration names.
	Config string
	// HomeDir is where .ocne is.
	HomeDir string
	// Programs is the directory of ocne-controlplane and ocne-manager.
	Programs string
	// Getenv reads KUBECONFIG (a list of files is merged as kubectl does) and OCNE_MANAGER_FEATURE_GATES (the embedded manager only).
	Getenv func(string) string

	// Preserve keeps a management cluster of ours that manages nothing any more.
	Preserve bool

	recorded *record.Management // that holds the cluster which a command is about; nil when none is remembered
}

// Management is an open connection to a management cluster.
type Management struct {
	// Client of its API.
	Client client.Client
	// Description for people.
	Description string
	// Kubeconfig is the value for kubectl's --kubeconfig, or empty when several files were merged.
	Kubeconfig string
	// Context is the value for kubectl's --context, or empty when it is the one that is current in the kubeconfig.
	Context string

	embedded *embedded.Session      // nil for a management cluster that is no embedded one
	hosted   *hosted                // nil for one that we have not made on a libvirt host
	preserve bool                   // it stays when it manages nothing any more
	writes   *writer                // what was written to the embedded one, or nil
	own      bool                   // it is the cluster whose objects it holds
	place    record.Management      // the way to it; identify completes it
	homeDir  string                 // of an embedded one
	loader   clientcmd.ClientConfig // nil for an embedded one, and for the cluster itself
}

// ErrNoManagement says that no management cluster was named and that there is no embedded one.
var ErrNoManagement = errors.New("there is no management cluster")

// kubeconfigSource says which files to load and who named them; it is nil for the embedded management cluster.
func (o ManagementOptions) kubeconfigSource() (rules *clientcmd.ClientConfigLoadingRules, from string) {
	explicit := func(path string) *clientcmd.ClientConfigLoadingRules {
		return &clientcmd.ClientConfigLoadingRules{ExplicitPath: path}
	}
	switch env := o.Getenv("KUBECONFIG"); {
	case o.Flag != "":
		return explicit(o.Flag), "--kubeconfig " + o.Flag
	case o.recorded != nil && o.recorded.Kind == record.Embedded:
		return nil, ""
	case o.recorded != nil:
		from := record.Of(o.HomeDir).Path
		if files := o.recorded.Files; len(files) > 1 {
			return &clientcmd.ClientConfigLoadingRules{Precedence: files}, from
		}
		return explicit(o.recorded.Files[0]), from
	case env != "":
		return &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(env)}, "KUBECONFIG=" + env
	case o.Config != "":
		return explicit(o.Config), "the configuration (kubeconfig: " + o.Config + ")"
	}
	return nil, ""
}

func (o ManagementOptions) embeddedDir() string {
	return filepath.Join(o.HomeDir, ".ocne", "management")
}

// OpenManagement connects to the chosen management cluster and starts the embedded one if need be.
func OpenManagement(ctx context.Context, o ManagementOptions, report progress.Reporter) (*Management, error) {
	rules, from := o.kubeconfigSource()
	if rules == nil {
		return o.openEmbedded(ctx, report)
	}
	loader := o.clientConfig(rules)
	restConfig, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, &AdvisedError{
			Err:    fmt.Errorf("management cluster named by %s: no such file, or it names no cluster", from),
			Advice: "Name an existing file, or leave it away to use the embedded management cluster." + o.unsetHint(),
		}
	}
	if err != nil {
		return nil, &AdvisedError{
			Err:    fmt.Errorf("management cluster named by %s: %w", from, err),
			Advice: "Correct the kubeconfig, or leave it away to use the embedded management cluster." + o.unsetHint(),
		}
	}
	m := &Management{Kubeconfig: rules.ExplicitPath, Description: restConfig.Host + ", named by " + from}
	if err := m.locate(o, rules, loader, restConfig.Host); err != nil {
		return nil, fmt.Errorf("management cluster %s: %w", m.Description, err)
	}
	if err := o.checkAwake(ctx, restConfig, m, report); err != nil {
		return nil, err
	}
	if m.Client, err = newClient(restConfig); err != nil {
		return nil, fmt.Errorf("management cluster %s: %w", m.Description, err)
	}
	if err := o.expectRecorded(ctx, m); err != nil {
		return nil, err
	}
	return m, o.host(ctx, m)
}

// OpenExistingManagement is OpenManagement for commands that have nothing to do when there is no management cluster; they get
// ErrNoManagement then.
func OpenExistingManagement(ctx context.Context, o ManagementOptions, report progress.Reporter) (*Management, error) {
	if rules, _ := o.kubeconfigSource(); rules == nil {
		exists, err := embedded.Exists(o.embeddedDir())
		if err != nil {
			return nil, fmt.Errorf("embedded management cluster: %w", err)
		}
		if !exists {
			return nil, ErrNoManagement
		}
	}
	return OpenManagement(ctx, o, report)
}

func (o ManagementOptions) embeddedOptions(report progress.Reporter) embedded.Options {
	return embedded.Options{
		Dir:          o.embeddedDir(),
		Programs:     o.Programs,
		FeatureGates: o.Getenv("OCNE_MANAGER_FEATURE_GATES"),
		Getenv:       o.Getenv,
		Report:       func(text string) { report.Step("Embedded management cluster: " + text) },
	}
}

func (o ManagementOptions) openEmbedded(ctx context.Context, report progress.Reporter) (*Management, error) {
	session, err := embedded.Start(ctx, o.embeddedOptions(report))
	if err != nil {
		return nil, err
	}
	m := &Management{
		Kubeconfig:  session.Kubeconfig,
		Description: session.Server + ", embedded in " + o.embeddedDir(),
		embedded:    session,
		place:       record.Management{Kind: record.Embedded},
		homeDir:     o.HomeDir,
		preserve:    o.Preserve,
	}
	restConfig, err := clientcmd.BuildConfigFromFlags("", session.Kubeconfig)
	if err == nil {
		m.writes = &writer{}
		m.writes.Client, err = newClient(restConfig)
		m.Client = m.writes
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded management cluster: %w", err), session.Close())
	}
	_ = m.identify(ctx) // whoever needs it asks again; after an interrupt, the caller stops what was started for nothing
	return m, nil
}

// unsetHint covers the usual mistake: KUBECONFIG still names the cluster that was made last.
func (o ManagementOptions) unsetHint() string {
	if o.Flag == "" && o.Getenv("KUBECONFIG") != "" {
		return "\nKUBECONFIG is set in this shell; to leave it away:\n  unset KUBECONFIG"
	}
	return ""
}

func newClient(restConfig *rest.Config) (client.Client, error) {
	scheme := capi.NewScheme()
	return client.New(callsOfOcne(restConfig), client.Options{Scheme: scheme, Mapper: restMapper(scheme)})
}

func callsOfOcne(restConfig *rest.Config) *rest.Config {
	c := rest.CopyConfig(restConfig)
	c.UserAgent = "ocne"
	c.QPS = -1 // the API server's own priority and fairness is the better judge
	c.Timeout = callTimeout
	return c
}

// Close ends the connection; a management cluster of ours goes on.
func (m *Management) Close() error {
	switch {
	case m.hosted != nil:
		return m.hosted.use.Close()
	case m.embedded != nil:
		return m.embedded.Close()
	}
	return nil
}

// CloseAndStopIfIdle ends the connection and stops a management cluster of ours that has no cluster any more, unless it shall stay.
func (m *Management) CloseAndStopIfIdle(ctx context.Context, report progress.Reporter) error {
	switch {
	case m.preserve || m.embedded == nil && m.hosted == nil:
		return m.Close()
	case m.hosted != nil:
		return m.removeHosted(ctx, report)
	}
	stopped, err := m.embedded.StopIfIdle(ctx, m.idle)
	switch {
	case errors.Is(err, embedded.ErrInUse):
		return nil // whoever uses it stops it when it is idle
	case err != nil:
		return fmt.Errorf("stop the embedded management cluster: %w", err)
	case stopped:
		report.Step("Embedded management cluster: stopped and removed, because it managed no cluster any more")
		return m.forgetAll(ctx)
	}
	return nil
}

// idle says that the management cluster holds no cluster, and no machine of one that is gone.
func (m *Management) idle(ctx context.Context) (bool, error) {
	for what, list := range map[string]client.ObjectList{
		"clusters": &clusterv1.ClusterList{}, "machines": &clusterv1.MachineList{}, "OLVM machines": &infrav1.OLVMMachineList{},
	} {
		if err := m.Client.List(ctx, list); err != nil {
			return false, fmt.Errorf("list %s: %w", what, err)
		}
		if meta.LenList(list) > 0 {
			return false, nil
		}
	}
	return true, m.identify(ctx) // while it can be asked: what it held is forgotten
}
