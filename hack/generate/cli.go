package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/root"
)

// cliPage describes the tree of commands of ocne.
func cliPage() string {
	streams, _, _ := iostreams.Buffers()
	p := newPage("Commands of ocne", "the commands in internal/cli")
	p.paragraph("Every command shows this with `--help`, and `ocne help COMMAND` does the same.")
	p.command(root.NewCommand(&cli.Environment{Streams: streams, Version: "dev"}))
	return p.String()
}

func (p *page) command(cmd *cobra.Command) {
	cmd.InitDefaultVersionFlag()
	p.heading(cmd.CommandPath())
	if cmd.Long != "" {
		p.prose(cmd.Long)
	} else {
		p.paragraph(sentence(cmd.Short))
	}
	children := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool { return !c.IsAvailableCommand() })
	if len(children) > 0 {
		p.blank()
		for _, child := range children {
			path := child.CommandPath()
			p.item(fmt.Sprintf("[%s](#%s): %s", path, strings.ReplaceAll(path, " ", "-"), strings.ToLower(child.Short[:1])+child.Short[1:]))
		}
	} else {
		p.literal(cmd.UseLine())
	}
	if len(cmd.Aliases) > 0 {
		p.paragraph("Also known as " + quoted(cmd.Aliases) + ".")
	}
	p.flags(cmd.LocalFlags())
	if cmd.Example != "" {
		p.paragraph("Examples:")
		p.literal(outdent(cmd.Example))
	}
	for _, child := range children {
		p.command(child)
	}
}

// prose keeps the paragraphs of a command's description, and what is indented in them, as they are.
func (p *page) prose(text string) {
	fmt.Fprintf(p, "\n%s\n", strings.ReplaceAll(strings.TrimSpace(text), "\t", "    "))
}

func (p *page) flags(flags *pflag.FlagSet) {
	if flags.HasAvailableFlags() {
		p.literal(outdent(flags.FlagUsages()))
	}
	var hidden []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden && f.Name != "help" {
			hidden = append(hidden, "--"+f.Name)
		}
	})
	if len(hidden) > 0 {
		p.paragraph("Accepted for the sake of existing scripts, without effect: " + quoted(hidden) + ".")
	}
}

func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// outdent takes away the two spaces before each line that cobra's help wants.
func outdent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
