package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/preflight"
)

// Change is what the commands share that change a running cluster and wait for it.
type Change struct {
	Existing
	// Timeout of the whole command; 0 means none.
	Timeout time.Duration
	// NodeStartupTimeout is how long a VM may run before its node is Ready.
	NodeStartupTimeout time.Duration
	// SkipPreflight are checks of the engine that are left out.
	SkipPreflight []string
	// Output is the format: Text, Wide, JSON or YAML.
	Output output.Format
}

// ChangeFlags adds the flags of Change. The function that it returns completes it from the command line.
func ChangeFlags(cmd *cobra.Command, c *Change) (complete func() error) {
	existing := ExistingFlags(cmd, &c.Existing)
	f := cmd.Flags()
	f.DurationVar(&c.Timeout, "timeout", 0, "give up waiting after this `time`, such as 30m; 0 waits without limit")
	f.DurationVar(&c.NodeStartupTimeout, "node-startup-timeout", cluster.DefaultNodeStartupTimeout,
		"give up when a VM has run for this `time` and its node is not Ready")
	skip := SkipPreflightFlag(cmd, &c.SkipPreflight)
	output.AddFlag(f, &c.Output, output.Wide, output.JSON, output.YAML)
	return func() error {
		existing()
		if c.NodeStartupTimeout <= 0 {
			return &UsageError{Command: cmd.CommandPath(), Err: errors.New("--node-startup-timeout must be more than 0, such as 20m")}
		}
		return skip()
	}
}

// SkipPreflightFlag adds --skip-preflight. The function that it returns checks it.
func SkipPreflightFlag(cmd *cobra.Command, checks *[]string) (check func() error) {
	cmd.Flags().StringSliceVar(checks, "skip-preflight", nil, "go on without these `checks` of the engine, separated by commas; all leaves all out")
	return func() error {
		if _, err := preflight.ParseSkip(*checks); err != nil {
			return &UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("--skip-preflight: %w", err)}
		}
		return nil
	}
}

// Words are the flags that are not Existing's, for a command line to try next.
func (c *Change) Words() []string {
	var words []string
	if t := c.NodeStartupTimeout; t != 0 && t != cluster.DefaultNodeStartupTimeout {
		words = append(words, "--node-startup-timeout", t.String())
	}
	if len(c.SkipPreflight) > 0 {
		words = append(words, "--skip-preflight", strings.Join(c.SkipPreflight, ","))
	}
	return words
}

// Advised adds to an error what is left, and the command that goes on.
func (c *Change) Advised(err error, again string) error {
	var unfinished *cluster.UnfinishedError
	var stuck *cluster.StuckError
	switch {
	case errors.As(err, &stuck):
		return &cluster.AdvisedError{Err: err, Advice: fmt.Sprintf("%s  %s   # go on, and wait for it", stuck.Advice(), again), Last: true}
	case errors.As(err, &unfinished) && !unfinished.Begun:
		return &cluster.AdvisedError{Err: err, Advice: "Nothing was changed.\n  " + again}
	case errors.As(err, &unfinished):
		return &cluster.AdvisedError{
			Err: err, Advice: "What has begun goes on without this command. To go on with the rest, and to wait for it:\n  " + again,
		}
	}
	return err
}
