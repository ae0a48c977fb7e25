// Package root puts the commands of ocne together.
package root

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/cluster/delete"
	"github.com/ocne-project/ocne/internal/cli/cluster/info"
	"github.com/ocne-project/ocne/internal/cli/cluster/kubeconfig"
	"github.com/ocne-project/ocne/internal/cli/cluster/list"
	"github.com/ocne-project/ocne/internal/cli/cluster/orphans"
	"github.com/ocne-project/ocne/internal/cli/cluster/scale"
	"github.com/ocne-project/ocne/internal/cli/cluster/show"
	"github.com/ocne-project/ocne/internal/cli/cluster/stage"
	"github.com/ocne-project/ocne/internal/cli/cluster/start"
	"github.com/ocne-project/ocne/internal/cli/cluster/template"
	"github.com/ocne-project/ocne/internal/cli/cluster/upgrade"
	"github.com/ocne-project/ocne/internal/cli/config/explain"
	configschema "github.com/ocne-project/ocne/internal/cli/config/schema"
	"github.com/ocne-project/ocne/internal/cli/config/validate"
	"github.com/ocne-project/ocne/internal/cli/image/create"
	imageinfo "github.com/ocne-project/ocne/internal/cli/image/info"
	imagelist "github.com/ocne-project/ocne/internal/cli/image/list"
	"github.com/ocne-project/ocne/internal/cli/image/prune"
	"github.com/ocne-project/ocne/internal/cli/image/upload"
	"github.com/ocne-project/ocne/internal/cli/management/backup"
	managementkubeconfig "github.com/ocne-project/ocne/internal/cli/management/kubeconfig"
	"github.com/ocne-project/ocne/internal/cli/management/move"
	"github.com/ocne-project/ocne/internal/cli/management/restore"
	managementstart "github.com/ocne-project/ocne/internal/cli/management/start"
	"github.com/ocne-project/ocne/internal/cli/management/status"
	"github.com/ocne-project/ocne/internal/cli/management/stop"
	"github.com/ocne-project/ocne/internal/cli/version"
)

const long = `Ocne makes Kubernetes clusters on Oracle Linux Virtualization Manager and manages them with Cluster API.

Exit codes: 0 success, 1 error, 2 wrong command line, 130 interrupted.`

// Main runs the command that args name, tells its error and returns the exit code.
func Main(ctx context.Context, env *cli.Environment, args []string) int {
	cmd := NewCommand(env)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	cli.PrintError(env.Streams.Err, err)
	return cli.ExitCode(err)
}

// NewCommand returns the whole tree of commands.
func NewCommand(env *cli.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "ocne",
		Short:         "Kubernetes clusters on Oracle Linux Virtualization Manager",
		Long:          long,
		Example:       "  ocne cluster start -c demo.yaml\n  ocne cluster info -C demo\n  ocne cluster delete -c demo.yaml",
		Version:       env.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	group(cmd)
	cmd.SetVersionTemplate("ocne {{.Version}}\n")
	cmd.SetIn(env.Streams.In)
	cmd.SetOut(env.Streams.Out)
	cmd.SetErr(env.Streams.Err)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A misspelt command is not known to have flags: the command is what is wrong.
		if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
			return unknownCommand(cmd, cmd.Flags().Arg(0))
		}
		return &cli.UsageError{Command: cmd.CommandPath(), Err: err}
	})
	level := cmd.PersistentFlags().StringP("log-level", "l", "info", "`level` of messages: error, info, debug or trace")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return setLogLevel(env, cmd, *level) }

	cmd.AddCommand(clusterCommand(env), managementCommand(env), imageCommand(env), configCommand(env), version.NewCommand(env))
	cmd.SetHelpCommand(helpCommand())
	cmd.InitDefaultCompletionCmd()
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" {
			group(c)
			for _, shell := range c.Commands() {
				shell.Args = cli.NoArguments
			}
		}
	}
	return cmd
}

func clusterCommand(env *cli.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cluster",
		Short:   "Make, show, change and delete clusters",
		Example: "  ocne cluster start -c demo.yaml\n  ocne cluster info -C demo",
	}
	group(cmd)
	cmd.AddCommand(
		start.NewCommand(env, start.Run), delete.NewCommand(env, delete.Run), list.NewCommand(env, list.Run),
		info.NewCommand(env, info.Run), show.NewCommand(env, show.Run), template.NewCommand(env, template.Run), kubeconfig.NewCommand(env, kubeconfig.Run),
		orphans.NewCommand(env, orphans.Run), scale.NewCommand(env, scale.Run), upgrade.NewCommand(env, upgrade.Run), stage.NewCommand(env, stage.Run),
	)
	return cmd
}

func managementCommand(env *cli.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "management",
		Short:   "Run and look after the embedded management cluster",
		Example: "  ocne management start\n  ocne management status",
	}
	group(cmd)
	cmd.AddCommand(
		managementstart.NewCommand(env, managementstart.Run), stop.NewCommand(env, stop.Run), status.NewCommand(env, status.Run),
		managementkubeconfig.NewCommand(env, managementkubeconfig.Run), backup.NewCommand(env, backup.Run), restore.NewCommand(env, restore.Run),
		move.NewCommand(env, move.Run),
	)
	return cmd
}

func imageCommand(env *cli.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "image",
		Short:   "Get node images into the engine",
		Example: "  ocne image upload --type olvm -c demo.yaml\n  ocne image list",
	}
	group(cmd)
	cmd.AddCommand(
		create.NewCommand(env, create.Run), upload.NewCommand(env, upload.Run), imageinfo.NewCommand(env, imageinfo.Run),
		imagelist.NewCommand(env, imagelist.Run), prune.NewCommand(env, prune.Run),
	)
	return cmd
}

func configCommand(env *cli.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check and explain configurations",
		Example: "  ocne config validate -c demo.yaml\n  ocne config explain providers.olvm.workerMachine",
	}
	group(cmd)
	cmd.AddCommand(
		validate.NewCommand(env, validate.Run), explain.NewCommand(env, explain.Run), configschema.NewCommand(env, configschema.Run),
	)
	return cmd
}

// helpCommand replaces cobra's, which succeeds for a command that does not exist.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("unknown command %q for %q", rest[0], found.CommandPath())
			}
			if err != nil {
				return &cli.UsageError{Command: cmd.Root().CommandPath(), Err: err}
			}
			return found.Help()
		},
	}
}

// group makes a command that only holds others: it shows its help, and refuses what it does not hold. Cobra would show the help and
// succeed for both.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	err := fmt.Errorf("unknown command %q for %q", name, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if names := cmd.SuggestionsFor(name); len(names) > 0 {
		slices.Sort(names)
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(names, " or "))
	}
	return &cli.UsageError{Command: cmd.CommandPath(), Err: err}
}

// setLogLevel: error hides progress; debug and trace show the requests to Kubernetes APIs. Trace stops short of the level (8) at which
// client-go logs the content of requests, because they hold the engine's password.
func setLogLevel(env *cli.Environment, cmd *cobra.Command, name string) error {
	verbosity, known := map[string]string{"error": "", "info": "", "debug": "6", "trace": "7"}[name]
	if !known {
		return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("unknown log level %q: use error, info, debug or trace", name)}
	}
	env.Quiet = name == "error"
	if verbosity == "" {
		klog.SetLogger(logr.Discard())
		ctrllog.SetLogger(logr.Discard())
		return nil
	}
	klog.LogToStderr(true)
	ctrllog.SetLogger(klog.Background())
	var level klog.Level
	return level.Set(verbosity)
}
