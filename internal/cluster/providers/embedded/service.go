package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ocne-project/ocne/internal/filelock"
)

// State is what can be seen of a management cluster without starting or asking anything.
type State struct {
	// Exists says that there is a management cluster, running or not.
	Exists bool
	// Kept says that it stays when it manages nothing; see Session.Keep.
	Kept bool
	// Served says that Serve keeps it running.
	Served bool
	// Processes are those that run, the control plane first.
	Processes []Process
	// Kubeconfig is the path of the file to reach it with.
	Kubeconfig string
	// Bytes is the space that its directory takes on the disk.
	Bytes int64
}

// Process is one of the two processes.
type Process struct {
	// Name is controlplane or manager.
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Since is when it was started.
	Since time.Time `json:"since"`
	// Log is the file that it writes its log to.
	Log string `json:"log"`
}

// Running says that both processes run.
func (s State) Running() bool { return len(s.Processes) == len(processNames()) }

// processNames are those of the files of the two processes.
func processNames() []string { return []string{"controlplane", "manager"} }

// Inspect looks at the management cluster in dir.
func Inspect(dir string) (State, error) {
	s := State{Kubeconfig: filepath.Join(dir, "controlplane", "kubeconfig")}
	var err error
	if s.Exists, err = Exists(dir); err != nil || !s.Exists {
		return s, err
	}
	if s.Kept, err = exists(keepFile(dir)); err != nil {
		return s, err
	}
	s.Served = Served(dir)
	for _, name := range processNames() {
		p := program{name: name, dir: dir}
		r, running := p.running()
		if !running {
			continue
		}
		written, err := os.Stat(p.file(".pid"))
		if err != nil {
			continue // it was stopped just now
		}
		s.Processes = append(s.Processes, Process{Name: name, PID: r.PID, Since: written.ModTime().UTC().Truncate(time.Second), Log: p.file(".log")})
	}
	s.Bytes, err = diskUsage(dir)
	return s, err
}

// diskUsage counts blocks and not lengths: etcd's files are longer than what they hold. Files that go meanwhile are left out.
func diskUsage(dir string) (bytes int64, err error) {
	const block = 512 // of st_blocks, see stat(2)
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			bytes += stat.Blocks * block
		}
		return nil
	})
	return bytes, err
}

// keepFile is the mark of a management cluster that stays when it manages nothing.
func keepFile(dir string) string { return filepath.Join(dir, "keep") }

// Keep makes StopIfIdle leave the management cluster alone, until Stop or Release.
func (s *Session) Keep() error {
	if err := os.WriteFile(keepFile(s.options.Dir), nil, 0o600); err != nil {
		return fmt.Errorf("mark the management cluster as one to be kept: %w", err)
	}
	return nil
}

// Release ends what Keep began.
func (s *Session) Release() error { return removeFile(keepFile(s.options.Dir)) }

// Stop ends both processes and keeps the state, on which the next Start goes on. It may be called when they do not run, or not both. It returns
// ErrInUse, and has stopped nothing, when another command has a session. A Serve is ended in every case. Of the options, Dir and Report are used.
func Stop(ctx context.Context, o Options) error {
	served := Served(o.Dir)
	if err := o.endServe(ctx); err != nil {
		return err
	}
	exclusive, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = exclusive.Close() }()
	users, err := filelock.Try(o.usersFile(), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		if served { // it has stopped the processes itself
			return removeFile(keepFile(o.Dir))
		}
		return ErrInUse
	}
	if err != nil {
		return err
	}
	defer func() { _ = users.Close() }()
	return errors.Join(o.stopProcesses(ctx), removeFile(keepFile(o.Dir)))
}

// stopProcesses: the manager first, because it is a client of the control plane, which would wait for its connections.
func (o Options) stopProcesses(ctx context.Context) error {
	for _, p := range []program{o.manager(""), o.controlPlane()} {
		if err := p.stop(ctx); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
