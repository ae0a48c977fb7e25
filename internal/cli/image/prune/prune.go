// Package prune is the command "ocne image prune".
package prune

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/image/cache"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Engine removes versions of VM templates from the engine instead.
	Engine bool
	// ConfigFile is a cluster file that may name the engine; it may be empty.
	ConfigFile string
	// Keep names images that stay.
	Keep []string
	// UnusedFor lets stay what was used within this time; 0 means nothing.
	UnusedFor time.Duration
	// DryRun only shows what would be removed.
	DryRun bool
}

const long = `Prune removes images from the cache, ~/.ocne/images: all, or those that were not used for a time. It does not touch the engine, and images that
another command is using stay. What is needed again is pulled again.

With --engine it removes versions of VM templates that ocne has made: those that are not the newest of their template, and on which no
VM depends.`

const example = `  # What was not used for thirty days
  ocne image prune --unused-for 720h

  # All but one
  ocne image prune --keep container-registry.oracle.com/olcne/ock:1.33

  # Only show what would be removed
  ocne image prune --dry-run

  # Old VM templates
  ocne image prune --engine -c demo.yaml`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "prune",
		Short:   "Remove images from the cache",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Keep, "keep", nil, "`images` that stay: a name, a digest, or the first seven or more digits of one")
	f.DurationVar(&o.UnusedFor, "unused-for", 0, "only images that were not used for this `time`, such as 720h")
	f.BoolVar(&o.DryRun, "dry-run", false, "only show what would be removed")
	f.BoolVar(&o.Engine, "engine", false, "remove versions of VM templates from the engine")
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`; with --engine")
	cmd.MarkFlagsMutuallyExclusive("engine", "keep")
	cmd.MarkFlagsMutuallyExclusive("engine", "unused-for")
	return cmd
}

// Run removes the images and tells which.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	if o.Engine {
		return o.pruneTemplates(ctx)
	}
	store, err := cache.Open(image.Directory(env.HomeDir))
	if err != nil {
		return err
	}
	p := cache.Prune{Keep: o.Keep, DryRun: o.DryRun}
	if o.UnusedFor > 0 {
		p.UnusedSince = env.Now().Add(-o.UnusedFor)
	}
	removed, used, err := store.Prune(ctx, p)
	verb := "Removed"
	if o.DryRun {
		verb = "Would remove"
	}
	var freed int64
	for _, e := range removed {
		freed += e.Stored
		_, _ = fmt.Fprintf(env.Streams.Out, "%s %s\n", verb, name(e))
	}
	for _, e := range used {
		_, _ = fmt.Fprintf(env.Streams.Err, "%s stays: another command is using it\n", name(e))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Streams.Err, "%d images, %s\n", len(removed), image.Size(freed))
	return err
}

func name(e cache.Entry) string {
	text := e.Digest
	if len(e.References) > 0 {
		text = strings.Join(e.References, ", ") + " (" + e.Digest + ")"
	}
	return text + ", " + image.Size(e.Stored)
}

func (o *Options) pruneTemplates(ctx context.Context) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{ClusterFile: o.ConfigFile, Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	return env.WithEngine(ctx, c, func(m *image.Maker) error {
		pruned, err := m.PruneTemplates(ctx, c.OLVM.DatacenterName, "", o.DryRun)
		verb := "Removed"
		if o.DryRun {
			verb = "Would remove"
		}
		for _, p := range pruned {
			line := fmt.Sprintf("%s VM template %s, version %d", verb, p.Template.Name, p.Template.Version)
			if p.Kept != "" {
				line = fmt.Sprintf("VM template %s, version %d, stays: %s", p.Template.Name, p.Template.Version, p.Kept)
			}
			_, _ = fmt.Fprintln(env.Streams.Out, line)
		}
		return err
	})
}
