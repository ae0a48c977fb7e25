// Package cli holds what every command of ocne shares: what it may use of the process, exit codes and how errors are told. The
// commands are in packages NOUN/VERB below, each with Options, a NewCommand that only translates arguments into Options, and a run
// that does the work and knows nothing of cobra.
package cli

import (
	"time"

	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// Environment is what a command may use of the process it runs in.
type Environment struct {
	Streams *iostreams.Streams
	// Command is how the user called ocne, for commands to try next; empty means ocne.
	Command string
	Getenv  func(string) string
	// HomeDir is where .ocne and .kube are.
	HomeDir string
	// Programs is the directory of ocne-controlplane and ocne-manager.
	Programs string
	// Version of ocne, such as v1.2.3.
	Version string
	// Now is the time.
	Now func() time.Time
	// Quiet hides progress: log level error.
	Quiet bool
}

// Reporter shows progress in the way that fits Err; a quiet one shows warnings only.
func (e *Environment) Reporter(quiet bool) progress.Reporter {
	s := e.Streams
	plain := progress.NewPlain(s.Err, e.Now)
	switch {
	case quiet || e.Quiet:
		return progress.Quiet{Reporter: plain}
	case s.ErrIsTerminal:
		return progress.NewLive(s.Err, s.Size, e.Now)
	}
	return plain
}

// ManagementOf chooses the management cluster of a command as a configuration says; flag is the value of --kubeconfig.
func (e *Environment) ManagementOf(flag string, c *config.Config) cluster.ManagementOptions {
	o := e.Management(flag, c.Management.Kubeconfig)
	o.Preserve = c.Ephemeral.Preserve
	return o
}

// Management chooses the management cluster of a command: flag is the value of --kubeconfig, configured that of the configuration.
func (e *Environment) Management(flag, configured string) cluster.ManagementOptions {
	return cluster.ManagementOptions{
		Flag: flag, Config: configured, HomeDir: e.HomeDir, Programs: e.Programs, Getenv: e.Getenv,
	}
}
