// Package upload is the command "ocne image upload".
package upload

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	cli.ImageSource
	// Template, StorageDomain and HostCluster win over the configuration; empty means not given.
	Template, StorageDomain, HostCluster string
	// Writers is how many connections to use at most; 0 means 8.
	Writers uint8
	// Abort removes what an upload that was killed has left.
	Abort bool
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Upload makes a VM template of an OCK image in the engine: it pulls the image, unless it is in the cache, gives it the form for Oracle Linux
Virtualization Manager while it sends it, and makes the template of the disk. The same image is never uploaded twice: when the template
holds it, nothing is done. Another image of the same template becomes its next version.

The configuration says which engine, data center and storage domain (providers.olvm.olvmOCK); its machines name template and
cluster. Run the command again after it was killed: it goes on where it was. Ctrl-C ends it and removes what it made in the
engine; --abort does so after a kill.`

const example = `  # The image of the cluster file's Kubernetes version, as the template that its machines name
  ocne image upload --type olvm -c demo.yaml

  # A file that 'ocne image create' wrote, as another template
  ocne image upload --type olvm -c demo.yaml --image ock.qcow2 --template ock-test

  # Remove from the engine what a killed upload left
  ocne image upload --type olvm -c demo.yaml --abort`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "upload",
		Short:   "Make a VM template of an image",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ImageFlags(cmd, &o.ImageSource)
	f := cmd.Flags()
	f.StringVar(&o.Template, "template", "", "`name` of the VM template; default: that of the control plane's machines")
	f.StringVar(&o.StorageDomain, "storage-domain", "", "`name` of the storage domain of the template's disk")
	f.StringVar(&o.HostCluster, "olvm-cluster", "", "`name` of the engine's cluster that the template is for")
	f.Uint8Var(&o.Writers, "writers", 0, "largest `number` of connections; default: what the host offers, at most 8")
	f.BoolVar(&o.Abort, "abort", false, "remove from the engine what a killed upload left")
	output.AddFlag(f, &o.Output, output.JSON, output.YAML)
	file := f.StringP("file", "f", "", "`file` of an image: the same as --image")
	f.Lookup("file").Hidden = true // of the existing ocne
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := complete(); err != nil {
			return err
		}
		if given := cli.Given(cmd, "file", file); given != nil {
			o.Reference = given
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// uploaded is what programs read.
type uploaded struct {
	Template string `json:"template"`
	ID       string `json:"id"`
	Version  int    `json:"version"`
	Digest   string `json:"digest"`
	Reused   bool   `json:"reused"`
	Sent     int64  `json:"sent"` // bytes
}

// Run makes the template, or removes what is left of one.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, source, err := o.Load(env)
	if err != nil {
		return err
	}
	target, err := o.target(c)
	if err != nil {
		return err
	}
	return env.WithEngine(ctx, c, func(m *image.Maker) error {
		if o.Abort {
			return m.Abort(ctx, source, target)
		}
		made, err := m.Make(ctx, source, target)
		if err != nil {
			return cli.Stopped(err, "The engine holds nothing of this try; what was pulled stays. Run the same command again, or leave it at that.")
		}
		return o.print(made)
	})
}

// target is where the template goes; the error lists what is not said.
func (o *Options) target(c *config.Config) (image.Target, error) {
	m := c.OLVM.ControlPlaneMachine
	t := cluster.ImageTarget(c.Image, c.OLVM.APIServer.ServerURL, c.OLVM.DatacenterName, cmp.Or(o.Template, m.VMTemplateName),
		cmp.Or(o.HostCluster, c.HostCluster(m, true)))
	t.StorageDomain, t.Writers = cmp.Or(o.StorageDomain, t.StorageDomain), int(o.Writers)
	var missing []error
	for _, value := range []struct{ value, key, flag string }{
		{t.Template, "providers.olvm.controlPlaneMachine.vmTemplateName", "template"},
		{t.Cluster, "providers.olvm.controlPlaneMachine.olvmOvirtClusterName", "olvm-cluster"},
		{t.StorageDomain, "providers.olvm.olvmOCK.storageDomainName", "storage-domain"},
	} {
		if value.value == "" {
			missing = append(missing, fmt.Errorf("%s is not in the configuration: write it there, or give --%s", value.key, value.flag))
		}
	}
	return t, errors.Join(missing...)
}

func (o *Options) print(made *image.Made) error {
	out := o.Environment.Streams.Out
	t := made.Template
	if o.Output.ForPrograms() {
		u := uploaded{Template: t.Name, ID: t.ID, Version: t.Version, Digest: made.Digest, Reused: made.Reused}
		if made.Upload != nil {
			u.Sent = made.Upload.Sent
		}
		return output.Print(out, o.Output, u)
	}
	if made.Reused {
		_, err := fmt.Fprintf(out, "VM template %s, version %d, holds this image already; nothing was sent.\n", t.Name, t.Version)
		return err
	}
	_, err := fmt.Fprintf(out, "VM template %s, version %d, is ready: %s were sent.\n", t.Name, t.Version, image.Size(made.Upload.Sent))
	return err
}
