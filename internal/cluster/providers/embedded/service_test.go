package embedded_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
)

func (m *machine) options() embedded.Options {
	return embedded.Options{
		Dir: m.dir, Programs: m.programs, Getenv: func(name string) string { return m.environ[name] }, Report: func(string) {},
	}
}

func (m *machine) inspect() embedded.State {
	m.t.Helper()
	state, err := embedded.Inspect(m.dir)
	require.NoError(m.t, err)
	return state
}

func TestAManagementClusterThatIsKeptStaysWhenItManagesNothing(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	require.NoError(t, s.Keep())
	stopped, err := s.StopIfIdle(t.Context(), idle)
	require.NoError(t, err)
	require.False(t, stopped)
	require.True(t, m.inspect().Running())
	require.True(t, m.inspect().Kept)

	s = m.mustStart()
	require.NoError(t, s.Release())
	stopped, err = s.StopIfIdle(t.Context(), idle)
	require.NoError(t, err)
	require.True(t, stopped)
	require.NoDirExists(t, m.dir)
}

func TestStopKeepsTheState(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	require.NoError(t, s.Keep())
	state := filepath.Join(m.dir, "controlplane", "state")
	require.NoError(t, os.WriteFile(state, nil, 0o600))
	require.ErrorIs(t, embedded.Stop(t.Context(), m.options()), embedded.ErrInUse, "the session is open")
	require.True(t, m.inspect().Running())
	require.NoError(t, s.Close())

	require.NoError(t, embedded.Stop(t.Context(), m.options()))
	require.Equal(t, "ocne-manager, ocne-controlplane", m.stopped())
	require.Empty(t, m.inspect().Processes)
	require.True(t, m.inspect().Exists)
	require.False(t, m.inspect().Kept)
	require.NoError(t, embedded.Stop(t.Context(), m.options()), "it may be repeated")

	again := m.mustStart()
	require.FileExists(t, state)
	require.NoError(t, again.Close())
}

func TestInspectShowsWhatRuns(t *testing.T) {
	m := newMachine(t)
	require.Equal(t, embedded.State{Kubeconfig: filepath.Join(m.dir, "controlplane", "kubeconfig")}, m.inspect(), "before there is anything")
	require.NoDirExists(t, m.dir, "to look makes nothing")
	s := m.mustStart()
	defer func() { _ = s.Close() }()
	state := m.inspect()
	require.Equal(t, s.Kubeconfig, state.Kubeconfig)
	require.Positive(t, state.Bytes)
	require.Len(t, state.Processes, 2)
	for i, name := range []string{"controlplane", "manager"} {
		p := state.Processes[i]
		require.Equal(t, name, p.Name)
		require.Equal(t, m.pid(name), p.PID)
		require.False(t, p.Since.IsZero())
		require.FileExists(t, p.Log)
	}
}
