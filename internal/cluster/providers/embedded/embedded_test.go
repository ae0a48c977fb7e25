package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
)

// machine is a computer with the programs installed and a home for the management cluster.
type machine struct {
	t        *testing.T
	programs string
	dir      string
	environ  map[string]string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, programs: t.TempDir(), dir: filepath.Join(t.TempDir(), "management"), environ: map[string]string{}}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"ocne-controlplane", "ocne-manager"} {
		require.NoError(t, os.Symlink(self, filepath.Join(m.programs, name)))
	}
	t.Cleanup(func() {
		for _, name := range []string{"controlplane", "manager"} {
			if pid := m.pid(name); pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	return m
}

func (m *machine) start(ctx context.Context) (*embedded.Session, error) {
	return embedded.Start(ctx, embedded.Options{
		Dir: m.dir, Programs: m.programs, Getenv: func(name string) string { return m.environ[name] }, Report: func(string) {},
	})
}

func (m *machine) mustStart() *embedded.Session {
	m.t.Helper()
	s, err := m.start(m.t.Context())
	require.NoError(m.t, err)
	return s
}

// pid is 0 without a pid file.
func (m *machine) pid(name string) int {
	content, err := os.ReadFile(filepath.Join(m.dir, name+".pid"))
	if err != nil {
		return 0
	}
	var record struct{ PID int }
	if json.Unmarshal(content, &record) != nil {
		return 0
	}
	return record.PID
}

func (m *machine) logged(name, text string) bool {
	log, err := os.ReadFile(filepath.Join(m.dir, name+".log"))
	return err == nil && strings.Contains(string(log), text)
}

func (m *machine) misbehave(how string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(filepath.Join(m.programs, how), nil, 0o600))
}

func (m *machine) stopped() string {
	content, err := os.ReadFile(filepath.Join(m.programs, "stopped"))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(string(content)), "\n", ", ")
}

func idle(context.Context) (bool, error) { return true, nil }
func busy(context.Context) (bool, error) { return false, nil }

// runs says whether a process exists and has not ended; one that has may wait to be reaped by this process.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestStartedProcessesStayAndAreUsedAgain(t *testing.T) {
	m := newMachine(t)
	first := m.mustStart()
	controlPlane, manager := m.pid("controlplane"), m.pid("manager")
	require.NoError(t, first.Close())

	second := m.mustStart()
	require.Equal(t, []int{controlPlane, manager}, []int{m.pid("controlplane"), m.pid("manager")})
	require.Equal(t, first.Kubeconfig, second.Kubeconfig)
	require.Equal(t, filepath.Join(m.dir, "controlplane", "kubeconfig"), second.Kubeconfig)
	require.NoError(t, second.Check())
	require.NoError(t, second.Close())
}

func TestProcessesHaveASessionOfTheirOwn(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	defer func() { _ = s.Close() }()
	for _, name := range []string{"controlplane", "manager"} {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.pid(name)))
		require.NoError(t, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		require.Equal(t, fmt.Sprint(m.pid(name)), fields[3], "a Ctrl-C on ocne's terminal must not reach %s", name)
	}
}

func TestADeadProcessIsStartedAgainOnItsState(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	defer func() { _ = s.Close() }()
	state := filepath.Join(m.dir, "controlplane", "state")
	require.NoError(t, os.WriteFile(state, nil, 0o600))
	dead, manager := m.pid("controlplane"), m.pid("manager")
	require.NoError(t, syscall.Kill(dead, syscall.SIGKILL))
	require.Eventually(t, func() bool { return !runs(dead) }, time.Minute, 10*time.Millisecond)
	require.ErrorContains(t, s.Check(), "ocne-controlplane has ended")

	again := m.mustStart()
	defer func() { _ = again.Close() }()
	require.NotEqual(t, dead, m.pid("controlplane"))
	require.Equal(t, manager, m.pid("manager"))
	require.FileExists(t, state)
}

func TestANewerProgramReplacesTheRunningOne(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, m.mustStart().Close())
	controlPlane, manager := m.pid("controlplane"), m.pid("manager")
	program := filepath.Join(m.programs, "ocne-manager")
	content, err := os.ReadFile(program)
	require.NoError(t, err)
	require.NoError(t, os.Remove(program))
	require.NoError(t, os.WriteFile(program, content, 0o700))

	require.NoError(t, m.mustStart().Close())
	require.Equal(t, controlPlane, m.pid("controlplane"))
	require.NotEqual(t, manager, m.pid("manager"))
	require.Equal(t, "ocne-manager", m.stopped())
}

// A pid file may outlive its process, and the kernel may give the number to somebody else's.
func TestAProcessThatGotTheNumberOfADeadOneIsNeverSignalled(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, m.mustStart().Close())
	stranger := exec.Command("sleep", "600")
	require.NoError(t, stranger.Start())
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	file := filepath.Join(m.dir, "manager.pid")
	ours := m.pid("manager")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content = []byte(strings.Replace(string(content), fmt.Sprintf(`"pid":%d`, ours), fmt.Sprintf(`"pid":%d`, stranger.Process.Pid), 1))
	require.NoError(t, os.WriteFile(file, content, 0o600))
	require.NoError(t, syscall.Kill(ours, syscall.SIGKILL))

	s := m.mustStart()
	require.NotEqual(t, stranger.Process.Pid, m.pid("manager"), "the recorded process has ended, so that another one is started")
	stopped, err := s.StopIfIdle(t.Context(), idle)
	require.NoError(t, err)
	require.True(t, stopped)
	require.True(t, runs(stranger.Process.Pid))
}

func TestStopEndsTheManagerFirstAndRemovesEverything(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	controlPlane, manager := m.pid("controlplane"), m.pid("manager")
	stopped, err := s.StopIfIdle(t.Context(), idle)
	require.NoError(t, err)
	require.True(t, stopped)
	require.Equal(t, "ocne-manager, ocne-controlplane", m.stopped())
	require.False(t, runs(controlPlane))
	require.False(t, runs(manager))
	require.NoDirExists(t, m.dir)
	exists, err := embedded.Exists(m.dir)
	require.NoError(t, err)
	require.False(t, exists)
}

func TestStopLeavesWhatIsNeeded(t *testing.T) {
	m := newMachine(t)
	stopped, err := m.mustStart().StopIfIdle(t.Context(), busy)
	require.NoError(t, err)
	require.False(t, stopped, "it still manages a cluster")

	other := m.mustStart()
	_, err = m.mustStart().StopIfIdle(t.Context(), idle)
	require.ErrorIs(t, err, embedded.ErrInUse, "another command works with it")

	stopped, err = other.StopIfIdle(t.Context(), idle)
	require.NoError(t, err)
	require.True(t, stopped)
}

func TestAStartThatFailsShowsTheLogAndLeavesNoProcess(t *testing.T) {
	m := newMachine(t)
	m.misbehave("ocne-manager-fails")
	_, err := m.start(t.Context())
	require.ErrorContains(t, err, "the disk is full")
	require.ErrorContains(t, err, filepath.Join(m.dir, "manager.log"))
	require.Equal(t, "ocne-controlplane", m.stopped())
	require.Zero(t, m.pid("controlplane"))
}

// interruptedStart ends a start whose manager is not ready yet.
func (m *machine) interruptedStart() {
	m.t.Helper()
	m.misbehave("ocne-manager-hangs")
	ctx, cancel := context.WithCancel(m.t.Context())
	go func() {
		defer cancel()
		for !m.logged("manager", "ocne-manager starts") && m.t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	_, err := m.start(ctx)
	require.ErrorIs(m.t, err, context.Canceled)
	require.Equal(m.t, "ocne-manager, ocne-controlplane", m.stopped())
}

func TestAnInterruptedFirstStartLeavesNothing(t *testing.T) {
	m := newMachine(t)
	m.interruptedStart()
	require.NoDirExists(t, m.dir)
}

func TestAnInterruptedLaterStartKeepsTheState(t *testing.T) {
	m := newMachine(t)
	state := filepath.Join(m.dir, "controlplane", "state")
	require.NoError(t, os.MkdirAll(filepath.Dir(state), 0o700))
	require.NoError(t, os.WriteFile(state, nil, 0o600))
	m.interruptedStart()
	require.FileExists(t, state)
}

func TestAMissingProgramIsNamed(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, os.Remove(filepath.Join(m.programs, "ocne-manager")))
	_, err := m.start(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(m.programs, "ocne-manager"))
	require.ErrorContains(t, err, "beside ocne")
}

func TestSecretsReachNeitherEnvironmentNorArguments(t *testing.T) {
	const secret = "correct-horse"
	m := newMachine(t)
	m.environ["OCNE_OLVM_PASSWORD"] = secret
	m.environ["PATH"] = "/usr/bin"
	t.Setenv("OCNE_OLVM_PASSWORD", secret)
	s := m.mustStart()
	defer func() { _ = s.Close() }()
	for _, name := range []string{"controlplane", "manager"} {
		for _, file := range []string{"environ", "cmdline"} {
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", m.pid(name), file))
			require.NoError(t, err)
			require.NotEmpty(t, content)
			require.NotContains(t, string(content), secret)
		}
	}
}

func TestEverythingIsPrivate(t *testing.T) {
	m := newMachine(t)
	s := m.mustStart()
	defer func() { _ = s.Close() }()
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s has mode %s", path, info.Mode())
		return nil
	})
	require.NoError(t, err)
}
