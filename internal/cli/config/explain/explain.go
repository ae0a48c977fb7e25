// Package explain is the command "ocne config explain".
package explain

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/config/schema"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Key is a path such as providers.olvm.workerMachine.virtualMachine.memory, or the end of some; empty for the whole file.
	Key string
}

const long = `Explain says what a key of the cluster file means, what to write, and which keys are below it. A part of a path at its end is
enough; where several keys end so, they are listed. Items of lists are written with [], which may be left out.`

const example = `  ocne config explain
  ocne config explain kubernetesVersion
  ocne config explain providers.olvm.workerMachine.virtualMachine
  ocne config explain workerPools[].machine.virtualMachine.dataDisks[].size`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	return &cobra.Command{
		Use:     "explain [KEY]",
		Short:   "Say what a key of the cluster file means",
		Long:    long,
		Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("one key at most, and not %d", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Key = args[0]
			}
			return run(cmd.Context(), o)
		},
	}
}

// Run prints what the key means. The error is a *schema.UnknownKeyError when there is none.
func Run(_ context.Context, o *Options) error {
	found, err := schema.Find(o.Key)
	if err != nil {
		return err
	}
	var b strings.Builder
	if len(found) == 1 {
		explain(&b, found[0])
	} else {
		fmt.Fprintf(&b, "%d keys end with %s:\n\n", len(found), o.Key)
		table(&b, found, "")
	}
	_, err = io.WriteString(o.Environment.Streams.Out, b.String())
	return err
}

func explain(b *strings.Builder, k schema.Key) {
	if k.Path != "" {
		fmt.Fprintf(b, "%s (%s)\n", k.Path, traits(k))
	}
	if k.Description != "" {
		fmt.Fprintf(b, "\n%s\n", fold(k.Description))
	}
	if children := k.Children(); len(children) > 0 {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString("Keys:\n")
		table(b, children, k.Path)
	}
}

func traits(k schema.Key) string {
	out := k.Kind()
	var values []string
	for _, value := range k.Enum {
		if value != nil && value != "" {
			values = append(values, fmt.Sprint(value))
		}
	}
	if len(values) > 0 {
		out += ", one of " + strings.Join(values, ", ")
	}
	if k.Default != nil {
		out += fmt.Sprintf(", default %v", k.Default)
	}
	return out
}

// table lists keys with the first sentence of what they mean; what all paths begin with is left out.
func table(b *strings.Builder, keys []schema.Key, common string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, k := range keys {
		first, _, _ := strings.Cut(k.Description, ". ")
		name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(k.Path, common), "[]"), ".")
		fmt.Fprintf(w, "  %s\t%s\t%s\n", name, k.Kind(), strings.TrimSuffix(first, "."))
	}
	_ = w.Flush() // a builder takes everything
}

const width = 100

// fold breaks a text's lines at spaces.
func fold(text string) string {
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		switch {
		case length == 0:
		case length+1+len(word) > width:
			b.WriteString("\n")
			length = 0
		default:
			b.WriteString(" ")
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}
