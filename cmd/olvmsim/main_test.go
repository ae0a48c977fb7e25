package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// program is olvmsim, running.
type program struct {
	ready  ready
	stop   context.CancelFunc
	ended  chan error
	stderr *bytes.Buffer // to be read after the end only
}

func run(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	p := &program{stop: cancel, ended: make(chan error, 1), stderr: &bytes.Buffer{}}
	command := newCommand()
	command.SetArgs(append([]string{"--listen", "127.0.0.1:0", "--time-scale", "100"}, args...))
	command.SetOut(write)
	command.SetErr(p.stderr)
	go func() {
		err := command.ExecuteContext(ctx)
		_ = write.CloseWithError(err)
		p.ended <- err
	}()
	line, err := bufio.NewReader(read).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &p.ready))
	t.Cleanup(cancel)
	return p
}

func (p *program) end(t *testing.T) {
	t.Helper()
	p.stop()
	select {
	case err := <-p.ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		require.Fail(t, "the program does not end")
	}
}

func inventoryOutput(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return execute(t, append([]string{"inventory"}, args...)...)
}

// execute runs a command that ends by itself and returns what it prints.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newCommand()
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(io.Discard)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestServeSaysWhereAndShowsItsInventory(t *testing.T) {
	t.Setenv(passwordVariable, "a-known-password")
	p := run(t)
	require.Regexp(t, `^https://127\.0\.0\.1:\d+/ovirt-engine$`, p.ready.URL)
	require.Equal(t, "admin@internal", p.ready.Username)
	require.FileExists(t, p.ready.CAFile)

	table, err := inventoryOutput(t, "--url", p.ready.URL, "--ca-file", p.ready.CAFile)
	require.NoError(t, err)
	require.Equal(t, "0 VMs, 0 disks, 0 NICs\n", table)
	text, err := inventoryOutput(t, "--url", p.ready.URL, "--ca-file", p.ready.CAFile, "-o", "json")
	require.NoError(t, err)
	var state olvmsim.State
	require.NoError(t, json.Unmarshal([]byte(text), &state))
	require.Len(t, state.Disks, 1, "the template's")

	t.Setenv(passwordVariable, "wrong")
	_, err = inventoryOutput(t, "--url", p.ready.URL, "--ca-file", p.ready.CAFile)
	require.ErrorContains(t, err, "the password in OLVMSIM_PASSWORD is not the simulator's")
	p.end(t)
	require.Empty(t, p.stderr.String())
	require.NoFileExists(t, p.ready.CAFile, "the temporary state is removed")
}

func TestSetChangesARunningSimulator(t *testing.T) {
	t.Setenv(passwordVariable, "a-known-password")
	p := run(t)
	set := func(args ...string) error {
		_, err := execute(t, append([]string{"set", "--url", p.ready.URL, "--ca-file", p.ready.CAFile}, args...)...)
		return err
	}
	require.NoError(t, set("storagedomain", "data", "--available", "1GiB"))
	require.NoError(t, set("host", "host1", "--status", "maintenance"))
	require.NoError(t, set("template", "ock", "--status", "locked"))
	require.NoError(t, set("guests", "--hang=true"))
	require.NoError(t, set("guests", "--hang=false"))

	for want, args := range map[string][]string{
		`set storage domain other: not found: storage domain "other"`:                {"storagedomain", "other", "--available", "1"},
		`set host host1: host host1: status "gone": must be one of`:                  {"host", "host1", "--status", "gone"},
		`set template rhel: not found: template "rhel"`:                              {"template", "rhel", "--status", "ok"},
		`--available: "1GB" is not a size: write a number with KiB, MiB, GiB or TiB`: {"storagedomain", "data", "--available", "1GB"},
		`required flag(s) "hang" not set`:                                            {"guests"},
	} {
		require.ErrorContains(t, set(args...), want)
	}
	t.Setenv(passwordVariable, "wrong")
	require.ErrorContains(t, set("guests", "--hang=true"), "the password in OLVMSIM_PASSWORD is not the simulator's")
	t.Setenv(passwordVariable, "")
	require.ErrorContains(t, set("guests", "--hang=true"), "OLVMSIM_PASSWORD is not set: it must hold the password of admin@internal")
	p.end(t)
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1024": 1024, "1KiB": 1 << 10, "2MiB": 2 << 20, "3GiB": 3 << 30, "1TiB": 1 << 40, "1Gi": 1 << 30} {
		got, err := parseSize(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "GiB", "-1", "1.5GiB", "9000000TiB", "1 GiB"} {
		_, err := parseSize(text)
		require.Error(t, err, text)
	}
}

func TestGeneratedPasswordGoesToStandardError(t *testing.T) {
	t.Setenv(passwordVariable, "")
	p := run(t, "--state-dir", t.TempDir(), "--guests", "instant")
	p.end(t)
	require.Regexp(t, regexp.MustCompile(`^olvmsim: password of admin@internal: \S{20,}\n$`), p.stderr.String())
}

func TestInventoryTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printState(&out, olvmsim.State{
		VMs: []olvmsim.VM{
			{Name: "demo-1", Status: "up", Host: "host1", Addresses: []string{"192.0.2.1"}},
			{Name: "b", Status: "down"},
		},
		Disks: []olvmsim.Disk{{TemplateID: "t"}, {}},
		NICs:  []olvmsim.NIC{{}},
	}))
	require.Equal(t, "NAME    STATUS  HOST   ADDRESSES\n"+
		"demo-1  up      host1  192.0.2.1\n"+
		"b       down    -      -\n"+
		"2 VMs, 1 disks, 1 NICs\n", out.String())
}

func TestBadFlagsAreRefused(t *testing.T) {
	for want, args := range map[string][]string{
		"--guests \"qemu\": must be none, instant or container": {"--guests", "qemu"},
		"--time-scale 0: must be greater than 0":                {"--time-scale", "0"},
		"read inventory":                                        {"--inventory", "/does/not/exist"},
	} {
		command := newCommand()
		command.SetArgs(args)
		require.ErrorContains(t, command.ExecuteContext(t.Context()), want)
	}
}
