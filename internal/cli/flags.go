package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// NoArguments refuses arguments that are not flags.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("unexpected argument %q: this command takes flags only", args[0])}
}

// Given returns the value of a flag that is on the command line, and nil for one that is not.
func Given(cmd *cobra.Command, flag string, value *string) *string {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return value
}

// GivenCount is Given for a number of nodes.
func GivenCount(cmd *cobra.Command, flag string, value *uint16) *int {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	count := int(*value)
	return &count
}

// ClusterFlags adds the flags that win over the configuration. The function that it returns gives those that are on the command line.
func ClusterFlags(cmd *cobra.Command) func() config.Flags {
	f := cmd.Flags()
	controlPlanes := f.Uint16P("control-plane-nodes", "n", 0, "`number` of control plane nodes, odd")
	workers := f.Uint16P("worker-nodes", "w", 0, "`number` of worker nodes")
	name := f.StringP("cluster-name", "C", "", "`name` of the cluster")
	provider := f.StringP("provider", "P", "", "infrastructure `provider`: olvm or libvirt")
	version := f.StringP("version", "v", "", "Kubernetes `version`, such as 1.33")
	virtualIP := f.String("virtual-ip", "", "`address` of the cluster's API")
	return func() config.Flags {
		return config.Flags{
			Name: Given(cmd, "cluster-name", name), Provider: Given(cmd, "provider", provider),
			KubernetesVersion: Given(cmd, "version", version), VirtualIP: Given(cmd, "virtual-ip", virtualIP),
			ControlPlaneNodes: GivenCount(cmd, "control-plane-nodes", controlPlanes), WorkerNodes: GivenCount(cmd, "worker-nodes", workers),
		}
	}
}

// SessionFlag adds the flag that names a libvirt host. The function that it returns gives its value; nil when it is not on the command line.
// short may be empty.
func SessionFlag(cmd *cobra.Command, short string) func() *string {
	uri := cmd.Flags().StringP("session", short, "", "with provider libvirt: `URI` of the host, such as qemu:///system")
	return func() *string { return Given(cmd, "session", uri) }
}

// ProviderFlag adds the flag that says where a cluster is that exists. The function that it returns gives its value; nil when it is not on the
// command line.
func ProviderFlag(cmd *cobra.Command) func() (*string, error) {
	provider := cmd.Flags().StringP("provider", "P", "", "infrastructure `provider`: olvm or libvirt")
	return func() (*string, error) {
		if !cmd.Flags().Changed("provider") {
			return nil, nil
		}
		if *provider != config.ProviderOLVM && *provider != config.ProviderLibvirt {
			return nil, &UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("unknown provider %q: use olvm or libvirt", *provider)}
		}
		return provider, nil
	}
}

// Existing says which cluster of a management cluster a command is about.
type Existing struct {
	// ConfigFile is the cluster file; it may be empty.
	ConfigFile string
	// Name wins over the configuration; nil means not given.
	Name *string
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Provider and LibvirtURI are for clusters on a libvirt host; nil means not given.
	Provider, LibvirtURI *string
}

// ExistingFlags adds the flags of Existing. The function that it returns completes it from the command line.
func ExistingFlags(cmd *cobra.Command, e *Existing) (complete func()) {
	f := cmd.Flags()
	f.StringVarP(&e.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	f.StringVarP(&e.ConfigFile, "config", "c", "", "cluster `file`")
	name := f.StringP("cluster-name", "C", "", "`name` of the cluster")
	return func() { e.Name = Given(cmd, "cluster-name", name) }
}

// Open is Select for a command that shows its progress, as the configuration wants it; the command closes the reporter.
func (e *Environment) Open(which Existing) (cluster.Selection, progress.Reporter, error) {
	selection, err := e.Select(which)
	if err != nil {
		return cluster.Selection{}, nil, err
	}
	return selection, e.Reporter(selection.Config.Quiet), nil
}

// Select finds out which cluster is meant. Without a cluster file, its name is looked for in all namespaces.
func (e *Environment) Select(which Existing) (cluster.Selection, error) {
	c, _, err := config.Load(config.Options{
		ClusterFile: which.ConfigFile, Flags: config.Flags{Name: which.Name, Provider: which.Provider, LibvirtURI: which.LibvirtURI}, Getenv: e.Getenv, HomeDir: e.HomeDir,
	})
	if err != nil {
		return cluster.Selection{}, err
	}
	file, err := AbsolutePath(which.ConfigFile)
	if err != nil {
		return cluster.Selection{}, err
	}
	return cluster.Selection{
		Config: c, ConfigFile: file, AnyNamespace: which.ConfigFile == "", Management: e.ManagementOf(which.Kubeconfig, c),
	}, nil
}

// AbsolutePath is that of a file that may be left away.
func AbsolutePath(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("path of %s: %w", file, err)
	}
	return path, nil
}

// WithTimeout ends the context after the time that --timeout gives; 0 means never.
func WithTimeout(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	if after <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, after, fmt.Errorf("not finished within %s", after))
}
