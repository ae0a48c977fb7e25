// Package output prints the results of commands: tables for people, JSON and YAML for programs.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// Format is how a result is printed.
type Format string

// The formats; which of them a command knows is said by its flag.
const (
	Text Format = "" // for people
	Wide Format = "wide"
	JSON Format = "json"
	YAML Format = "yaml"
)

// AddFlag adds -o, --output, which takes the given formats; without it, the format is Text.
func AddFlag(flags *pflag.FlagSet, f *Format, formats ...Format) {
	flags.VarP(&value{format: f, formats: formats}, "output", "o", "output `format`: "+alternatives(formats))
}

// value is the flag's; a format that is not known is an error of the command line.
type value struct {
	format  *Format
	formats []Format
}

func (v *value) String() string {
	if v.format == nil {
		return ""
	}
	return string(*v.format)
}

func (v *value) Set(text string) error {
	if !slices.Contains(v.formats, Format(text)) {
		return fmt.Errorf("unknown output format %q: use %s", text, alternatives(v.formats))
	}
	*v.format = Format(text)
	return nil
}

func (v *value) Type() string { return "format" }

// alternatives are words as in "wide, json or yaml".
func alternatives(formats []Format) string {
	words := make([]string, len(formats))
	for i, f := range formats {
		words[i] = string(f)
	}
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// ForPrograms says whether Print prints this format.
func (f Format) ForPrograms() bool { return f == JSON || f == YAML }

// Print writes v as JSON or YAML, with the names of its json tags.
func Print(w io.Writer, f Format, v any) error {
	if f == YAML {
		content, err := yaml.Marshal(v)
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		_, err = w.Write(content)
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // messages hold <, > and &
	return encoder.Encode(v)
}

// Table writes rows below a header, in columns; an empty cell is a dash.
func Table(w io.Writer, header []string, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, strings.Join(header, "\t"))
	for _, row := range rows {
		cells := slices.Clone(row)
		for i := range cells {
			if cells[i] == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}
