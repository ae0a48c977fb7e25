package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const scenarioText = `steps:
- at: 30s
  fault: {effect: {kind: engine-restart}}
- after: {method: POST, path: vms, nth: 2}
  fault: {match: {method: POST, path: vms}, count: 1, effect: {kind: drop-after-commit}}
- after: {method: POST, path: vms/*/start, status: 200}
  fault: {match: {method: GET}, probability: 0.5, count: 3, effect: {kind: unavailable}}
- at: 5m
  fault: {effect: {kind: host-down, host: host1}}
- at: 5m
  set: {storageDomain: data, availableBytes: 0}
- at: 6m
  fault: {match: {method: POST, path: vms/*/start}, effect: {kind: drop-delayed-commit, delay: 20s}}
`

// course is what a client meets in the scenario.
func course(p *process) {
	a := p.addVM("a")
	p.must(http.StatusUnauthorized, http.MethodGet, "vms", "")
	p.signOn()
	b := p.addVM("b")
	p.must(0, http.MethodPost, "vms", vmBody("c"))
	p.must(http.StatusConflict, http.MethodPost, "vms", vmBody("c"))
	p.startVM(a)
	for range 10 {
		p.try(http.MethodGet, a, "")
	}
	p.must(http.StatusOK, http.MethodPut, b, `{"description":"d","initialization":{"custom_script":"a secret"}}`)
	p.advance("4m")
	p.must(http.StatusConflict, http.MethodPost, "vms", vmBody("d"))
	p.advance("1m")
	p.must(0, http.MethodPost, b+"/start", "{}")
	p.advance("1m")
	p.ran("set", "host", "host2", "--status", "maintenance")
	p.must(http.StatusOK, http.MethodDelete, a, "")
	p.advance("1m")
}

func TestAScenarioWithASeedGivesTheSameJournalTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	require.NoError(t, os.WriteFile(file, []byte(scenarioText), 0o600))
	run := func() (journal, state string) {
		p := startProcess(t, "--scenario", file)
		course(p)
		return p.ran("journal", "--reproducible"), p.ran("inventory", "-o", "json")
	}
	journal, state := run()
	again, stateAgain := run()
	require.Equal(t, journal, again)
	require.Equal(t, state, stateAgain)
	for _, part := range []string{`"fault":"drop-after-commit"`, `"late":true`, `"method":"DISTURB"`, `"op":"created","kind":"vm"`, `"status":503`, "host-down"} {
		require.Contains(t, journal, part)
	}
	require.NotContains(t, journal, "a secret")
	require.NotContains(t, journal, "a-known-password")

	lines := filepath.Join(t.TempDir(), "journal.jsonl")
	require.NoError(t, os.WriteFile(lines, []byte(journal), 0o600))
	out, err := execute(t, "replay", lines, "--seed", "7")
	require.NoError(t, err, out)
	require.Contains(t, out, "no difference")

	out, err = execute(t, "replay", lines, "--seed", "8")
	require.ErrorContains(t, err, "differences")
	require.Contains(t, out, "POST vms", "with other ids it is another run")
	require.NoError(t, os.WriteFile(lines, []byte("{"), 0o600))
	_, err = execute(t, "replay", lines)
	require.ErrorContains(t, err, "read journal: line 1")
}

func TestBadScenariosAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"steps: [{at: 1s}]": "step 1: either fault or set is needed",
		"steps: [{fault: {effect: {kind: engine-restart}}}]":                     "step 1: either at or after is needed",
		"steps: [{at: soon, fault: {effect: {kind: engine-restart}}}]":           `"soon" is not a duration`,
		"steps: [{at: 1s, fault: {effect: {kind: nonsense}}}]":                   `effect kind "nonsense" is not known`,
		"steps: [{at: 1s, when: 2s}]":                                            `unknown field "when"`,
		"steps: [{after: {nth: 2}, set: {host: a, status: up}}]":                 "after: say which call",
		"steps: [{at: 1s, set: {host: a, template: b}}]":                         "set: one of",
		"steps: [{at: -1s, set: {guestsHang: true}}]":                            "at: must not be negative",
		"steps: [{at: 1s, fault: {match: {status: 1}, effect: {kind: locked}}}]": "match.status",
	} {
		file := filepath.Join(t.TempDir(), "scenario.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := execute(t, "--scenario", file)
		require.ErrorContains(t, err, want)
	}
	_, err := execute(t, "--clock", "sundial")
	require.ErrorContains(t, err, `clock "sundial": must be real or stepped`)
}

func TestASessionEndsAfterThirtyIdleMinutes(t *testing.T) {
	p := startProcess(t)
	p.must(http.StatusOK, http.MethodGet, "vms", "")
	p.advance("29m59s")
	p.must(http.StatusOK, http.MethodGet, "vms", "")
	p.advance("30m1s")
	status, text := p.try(http.MethodGet, "vms", "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, text, "invalid_grant: The provided authorization grant for the auth code has expired.")
	require.Equal(t, "2026-01-01T01:00:00Z (stepped)", p.ran("clock"))
}

func TestAFinishedTransferIsListedForFifteenMinutes(t *testing.T) {
	p := startProcess(t)
	transfer := p.addTransfer()
	p.must(http.StatusOK, http.MethodPost, transfer+"/finalize", "")
	p.advance("10s")
	require.Equal(t, "finished_success", p.must(http.StatusOK, http.MethodGet, transfer, "")["phase"])
	p.advance("14m")
	p.must(http.StatusOK, http.MethodGet, transfer, "")
	p.advance("1m")
	p.must(http.StatusNotFound, http.MethodGet, transfer, "")
}

func TestAClockThatRunsByItselfIsNotMoved(t *testing.T) {
	t.Setenv(passwordVariable, "a-known-password")
	p := run(t)
	_, err := execute(t, "clock", "advance", "1m", "--url", p.ready.URL, "--ca-file", p.ready.CAFile)
	require.ErrorContains(t, err, "the clock runs by itself")
	_, err = execute(t, "clock", "advance", "soon", "--url", p.ready.URL, "--ca-file", p.ready.CAFile)
	require.ErrorContains(t, err, `"soon" is not a duration`)
	p.end(t)
}

func TestTheCheckNamesDisksThatWereLeftBehind(t *testing.T) {
	p := startProcess(t)
	require.Equal(t, "everything is in order", p.ran("check"))
	vm := p.must(http.StatusAccepted, http.MethodPost, "vms?clone=true", vmBody("n1"))
	p.advance("10m")
	p.must(http.StatusOK, http.MethodDelete, "vms/"+vm["id"].(string)+"?detach_only=true", "")
	p.advance("1m")
	_, err := p.command("check")
	require.ErrorContains(t, err, "was left behind by VM n1, which is gone")
}

func TestASavedSimulatorGoesOn(t *testing.T) {
	p := startProcess(t)
	up := p.addVM("up")
	p.startVM(up)
	p.advance("2m")
	creating := p.must(http.StatusAccepted, http.MethodPost, "vms", vmBody("creating"))
	file := filepath.Join(t.TempDir(), "state.json")
	p.ran("state", "save", file)
	before := p.ran("inventory")

	loaded := startProcess(t, "--load", file)
	require.Equal(t, before, loaded.ran("inventory"))
	require.Equal(t, p.ran("clock"), loaded.ran("clock"))
	require.Equal(t, "image_locked", loaded.vmStatus("vms/"+creating["id"].(string)))
	loaded.advance("1m")
	require.Equal(t, "down", loaded.vmStatus("vms/"+creating["id"].(string)))
	require.Equal(t, "up", loaded.vmStatus(up))
	require.Equal(t, "everything is in order", loaded.ran("check"))

	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("x", 10)), 0o600))
	_, err := execute(t, "--load", file)
	require.ErrorContains(t, err, "load state from "+file)
}

func TestWhatIsNotSimulatedIsCounted(t *testing.T) {
	p := startProcess(t)
	p.must(http.StatusOK, http.MethodGet, "katelloerrata", "")
	p.must(http.StatusOK, http.MethodGet, "katelloerrata", "")
	p.must(http.StatusNotImplemented, http.MethodPost, "hosts", `{"name":"h"}`)
	require.Equal(t, "1\tPOST\thosts\n2\tGET\tkatelloerrata", p.ran("not-simulated"))
}
