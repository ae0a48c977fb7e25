package validate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/preflight"
)

func TestArguments(t *testing.T) {
	workers := 2
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none": {nil, &Options{}},
		"without the engine": {
			[]string{"-c", "c", "-w", "2", "-o", "json"},
			&Options{ConfigFile: "c", Flags: config.Flags{WorkerNodes: &workers}, Output: output.JSON},
		},
		"with the engine": {
			[]string{"--engine", "-k", "k", "--skip-preflight", "hosts,storage"},
			&Options{Engine: true, Kubeconfig: "k", SkipPreflight: []string{"hosts", "storage"}},
		},
		"a check that there is not":          {[]string{"--engine", "--skip-preflight", "disks"}, nil},
		"a management cluster for nothing":   {[]string{"-k", "k"}, nil},
		"checks of an engine that rests":     {[]string{"--skip-preflight", "hosts"}, nil},
		"a format that this command has not": {[]string{"-o", "wide"}, nil},
		"a file without a flag":              {[]string{"demo.yaml"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			var got *Options
			cmd := NewCommand(nil, func(_ context.Context, o *Options) error { got = o; return nil })
			cmd.SetArgs(test.args)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetErr(io.Discard)
			err := cmd.ExecuteContext(t.Context())
			require.Equal(t, test.want == nil, err != nil, "%v", err)
			if got != nil {
				require.NotNil(t, got.Preflight)
				got.Preflight = nil // functions are not compared
			}
			require.Equal(t, test.want, got)
		})
	}
}

// engine is what the engine would answer.
type engine struct {
	findings []preflight.Finding
	err      error
	asked    int
}

// validate checks a valid configuration of the documentation, and the engine if it is asked for.
func validate(t *testing.T, e *engine, args ...string) (stdout string, err error) {
	t.Helper()
	streams, out, _ := iostreams.Buffers()
	env := &cli.Environment{
		Streams: streams, HomeDir: t.TempDir(), Now: func() time.Time { return time.Time{} }, Getenv: func(string) string { return "" },
	}
	cmd := NewCommand(env, func(ctx context.Context, o *Options) error {
		o.Preflight = func(context.Context, cluster.PreflightOptions, progress.Reporter) ([]preflight.Finding, error) {
			e.asked++
			return e.findings, e.err
		}
		return Run(ctx, o)
	})
	file := filepath.Join("..", "..", "..", "config", "testdata", "all.yaml")
	cmd.SetArgs(append([]string{"-c", file}, args...))
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestTheEngineIsAskedOnlyOnDemandAndForAValidConfiguration(t *testing.T) {
	e := &engine{}
	out, err := validate(t, e)
	require.NoError(t, err)
	require.Contains(t, out, "all.yaml is valid.\n")
	require.Zero(t, e.asked)
	_, err = validate(t, e, "--engine", "-n", "2")
	require.ErrorContains(t, err, "controlPlaneNodes")
	require.Zero(t, e.asked)
	_, err = validate(t, e, "--engine")
	require.NoError(t, err)
	require.Equal(t, 1, e.asked)
}

func TestFindingsOfTheEngine(t *testing.T) {
	warning := preflight.Finding{Check: preflight.Hosts, Severity: preflight.Warning, Subject: "a", Cause: "b", Next: "c"}
	failure := preflight.Finding{Check: preflight.Template, Severity: preflight.Error, Subject: "d", Cause: "e", Next: "f"}

	out, err := validate(t, &engine{findings: []preflight.Finding{warning}}, "--engine", "-o", "json")
	require.NoError(t, err)
	var r result
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.True(t, r.Valid)
	require.Equal(t, []preflight.Finding{warning}, r.Findings)

	out, err = validate(t, &engine{findings: []preflight.Finding{warning, failure}}, "--engine", "-o", "json")
	var failed *cluster.PreflightError
	require.ErrorAs(t, err, &failed)
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.False(t, r.Valid)
	require.Empty(t, r.Problems)
	require.Equal(t, []preflight.Finding{warning, failure}, r.Findings)

	out, err = validate(t, &engine{findings: []preflight.Finding{failure}}, "--engine")
	require.ErrorContains(t, err, "d\n    e\n    f")
	require.Empty(t, out)
}

func TestWhatKeepsTheEngineFromBeingAskedIsAProblem(t *testing.T) {
	out, err := validate(t, &engine{err: errors.New("the engine's credentials are missing")}, "--engine", "-o", "json")
	require.EqualError(t, err, "the engine's credentials are missing")
	var r result
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Equal(t, []problem{{Message: "the engine's credentials are missing"}}, r.Problems)
}
