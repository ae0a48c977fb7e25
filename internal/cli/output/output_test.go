package output_test

import (
	"bytes"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli/output"
)

func TestTheFlagTakesTheFormatsOfTheCommandOnly(t *testing.T) {
	for text, failure := range map[string]string{
		"json": "", "yaml": "",
		"wide": `invalid argument "wide" for "-o, --output" flag: unknown output format "wide": use json or yaml`,
		"":     `invalid argument "" for "-o, --output" flag: unknown output format "": use json or yaml`,
	} {
		t.Run(text, func(t *testing.T) {
			var f output.Format
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			output.AddFlag(flags, &f, output.JSON, output.YAML)
			err := flags.Parse([]string{"-o", text})
			if failure != "" {
				require.EqualError(t, err, failure)
				return
			}
			require.NoError(t, err)
			require.Equal(t, output.Format(text), f)
		})
	}
}

func TestProgramsGetTheNamesOfTheTagsAndUnchangedText(t *testing.T) {
	type result struct {
		Name string `json:"name"`
		None []int  `json:"none"`
	}
	for f, want := range map[output.Format]string{
		output.JSON: "{\n  \"name\": \"a <b> & c\",\n  \"none\": []\n}\n",
		output.YAML: "name: a <b> & c\nnone: []\n",
	} {
		t.Run(string(f), func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, output.Print(&out, f, result{Name: "a <b> & c", None: []int{}}))
			require.Equal(t, want, out.String())
		})
	}
}

func TestATableHasADashWhereNothingIsKnown(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, output.Table(&out, []string{"NAME", "PHASE"}, [][]string{{"demo", ""}, {"a", "Running"}}))
	require.Equal(t, "NAME   PHASE\ndemo   -\na      Running\n", out.String())
}
