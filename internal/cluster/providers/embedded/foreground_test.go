package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
)

// served is a Serve that runs until it is told to end.
type served struct {
	end   context.CancelFunc
	ended chan error
}

func (m *machine) serve() served {
	m.t.Helper()
	ctx, end := context.WithCancel(m.t.Context())
	s, ready := served{end: end, ended: make(chan error, 1)}, make(chan struct{})
	go func() { s.ended <- embedded.Serve(ctx, m.options(), func(*embedded.Session) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-s.ended:
		require.FailNow(m.t, "it ended", "%v", err)
	}
	return s
}

func TestInTheForegroundBothProcessesEndWithIt(t *testing.T) {
	m := newMachine(t)
	s := m.serve()
	require.True(t, embedded.Served(m.dir))
	require.ErrorIs(t, embedded.Serve(t.Context(), m.options(), func(*embedded.Session) {}), embedded.ErrServed)
	controlPlane, manager := m.pid("controlplane"), m.pid("manager")
	_, err := m.mustStart().StopIfIdle(t.Context(), idle)
	require.ErrorIs(t, err, embedded.ErrInUse, "no command stops it because it is idle")
	require.Equal(t, []int{controlPlane, manager}, []int{m.pid("controlplane"), m.pid("manager")})

	s.end()
	require.NoError(t, <-s.ended)
	require.Equal(t, "ocne-manager, ocne-controlplane", m.stopped())
	require.False(t, runs(controlPlane))
	require.False(t, runs(manager))
	require.False(t, embedded.Served(m.dir))
	require.True(t, m.inspect().Exists, "the state stays")
}

func TestInTheForegroundAProcessThatEndsIsStartedAgain(t *testing.T) {
	m := newMachine(t)
	s := m.serve()
	dead := m.pid("manager")
	require.NoError(t, syscall.Kill(dead, syscall.SIGKILL))
	require.Eventually(t, func() bool { return m.pid("manager") != dead && m.inspect().Running() }, time.Minute, 10*time.Millisecond)
	s.end()
	require.NoError(t, <-s.ended)
	require.Empty(t, m.inspect().Processes)
}

func TestALogIsCutWhenItIsTooLong(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, m.mustStart().Close())
	log := filepath.Join(m.dir, "manager.log")
	long := strings.Repeat("x", 16<<20) + "the end\n"
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(long)
	require.NoError(t, errors.Join(err, f.Close()))

	require.NoError(t, m.mustStart().Close())
	old, err := os.ReadFile(log + ".1")
	require.NoError(t, err)
	require.Len(t, old, 16<<20)
	require.True(t, strings.HasSuffix(string(old), "the end\n"))
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.Zero(t, info.Size())
	info, err = os.Stat(log + ".1")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, syscall.Kill(m.pid("manager"), syscall.SIGTERM))
	require.Eventually(t, func() bool { return !m.inspect().Running() }, time.Minute, 10*time.Millisecond)
	require.NoError(t, m.mustStart().Close())
	require.True(t, m.logged("manager", "starts"), "and it is written on")
}
