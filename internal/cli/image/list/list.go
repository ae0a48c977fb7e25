// Package list is the command "ocne image list".
package list

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/image/cache"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Engine lists the VM templates in the engine instead.
	Engine bool
	// ConfigFile is a cluster file that may name the engine; it may be empty.
	ConfigFile string
	// Output is the format: Text, Wide, JSON or YAML.
	Output output.Format
}

const long = `List shows the images in the cache, ~/.ocne/images, which all commands share: what they are called in their registries, what each name
means now, and how much room they take.

With --engine it shows the VM templates that ocne has made in the engine of the configuration: each version, which image it holds, and
which VMs depend on it. Machines are made from the newest version of the template that they name.`

const example = `  ocne image list
  ocne image list -o json
  ocne image list --engine -c demo.yaml`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the images in the cache",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.Engine, "engine", false, "list the VM templates in the engine")
	cmd.Flags().StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`; with --engine")
	output.AddFlag(cmd.Flags(), &o.Output, output.Wide, output.JSON, output.YAML)
	return cmd
}

// Listed is one image.
type Listed struct {
	// References are the names that mean this image; none when they mean a newer one by now.
	References   []string  `json:"references"`
	Digest       string    `json:"digest"`
	Architecture string    `json:"architecture"`
	Path         string    `json:"path"`
	Stored       int64     `json:"stored"` // bytes
	Created      time.Time `json:"created"`
	Used         time.Time `json:"used"`
	// Complete is false for an image whose download was interrupted.
	Complete bool `json:"complete"`
}

// Run prints the list.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	if o.Engine {
		return o.listTemplates(ctx)
	}
	store, err := cache.Open(image.Directory(env.HomeDir))
	if err != nil {
		return err
	}
	entries, err := store.List()
	if err != nil {
		return err
	}
	listed := make([]Listed, 0, len(entries))
	for _, e := range entries {
		references := e.References
		if len(references) == 0 && e.Reference != "" {
			references = []string{}
		}
		listed = append(listed, Listed{
			References: slices.Clone(references), Digest: e.Digest, Architecture: e.Architecture, Path: e.Path, Stored: e.Stored, Created: e.Created,
			Used: e.Used, Complete: e.Complete,
		})
	}
	return o.print(listed)
}

func (o *Options) print(images []Listed) error {
	streams := o.Environment.Streams
	if o.Output.ForPrograms() {
		return output.Print(streams.Out, o.Output, images)
	}
	if len(images) == 0 {
		_, err := fmt.Fprintln(streams.Err, "No images.")
		return err
	}
	header := []string{"IMAGE", "ARCH", "DIGEST", "SIZE", "USED"}
	if o.Output == output.Wide {
		header = append(header, "FILE")
	}
	var rows [][]string
	for _, i := range images {
		names := i.References
		switch {
		case !i.Complete:
			names = []string{"(interrupted)"}
		case len(names) == 0:
			names = []string{"(replaced)"}
		}
		for _, name := range names {
			row := []string{name, i.Architecture, short(i.Digest), image.Size(i.Stored), duration.HumanDuration(o.Environment.Now().Sub(i.Used))}
			if o.Output == output.Wide {
				row = append(row, i.Path)
			}
			rows = append(rows, row)
		}
	}
	return output.Table(streams.Out, header, rows)
}

// short is enough of a digest to name it.
func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
