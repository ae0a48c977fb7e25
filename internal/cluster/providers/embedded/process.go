package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// pollProcess is the time between two looks at a process that starts or stops.
	pollProcess = 50 * time.Millisecond
	// startWithin bounds a start, which takes seconds; a machine that is busy with other things takes minutes.
	startWithin = 10 * time.Minute
	// stopWithin is the time to end in before a process is killed.
	stopWithin = 20 * time.Second
	// tailLines and tailWidth limit how much of the end of a log goes into an error.
	tailLines = 5
	tailWidth = 300
)

// program is one of the two programs, with the files that describe its process: NAME.pid, NAME.out and NAME.log in dir.
type program struct {
	name string
	path string
	args []string
	env  []string
	dir  string
}

// record is the content of a pid file: the process and what was run, so that another version or other arguments are noticed.
type record struct {
	identity
	Program  string    `json:"program"`
	Modified time.Time `json:"modified"`
	Args     []string  `json:"args"`
}

func (p program) file(suffix string) string { return filepath.Join(p.dir, p.name+suffix) }

// running returns the record of the process when it runs.
func (p program) running() (record, bool) {
	var r record
	content, err := os.ReadFile(p.file(".pid"))
	if err != nil || json.Unmarshal(content, &r) != nil {
		return record{}, false
	}
	return r, r.alive()
}

// ensure returns the ready line of the running process. A process that does not run is started; one that runs an older program or
// has other arguments is replaced.
func (p program) ensure(ctx context.Context) ([]byte, error) {
	info, err := os.Stat(p.path)
	if err != nil {
		return nil, fmt.Errorf("%w (it belongs beside ocne; install the programs together)", err)
	}
	if r, ok := p.running(); ok {
		if r.Program == p.path && r.Modified.Equal(info.ModTime()) && slices.Equal(r.Args, p.args) {
			return p.awaitReady(ctx, r.identity)
		}
		if err := p.stop(ctx); err != nil {
			return nil, err
		}
	}
	id, err := p.start(info.ModTime())
	if err != nil {
		return nil, err
	}
	return p.awaitReady(ctx, id)
}

// start runs the program in a session of its own, so that neither the end of ocne nor a Ctrl-C on its terminal reaches it. Its
// ready line goes to a file, because a pipe would break when ocne ends.
func (p program) start(modified time.Time) (identity, error) {
	out, err := os.OpenFile(p.file(".out"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return identity{}, fmt.Errorf("start %s: %w", p.path, err)
	}
	defer func() { _ = out.Close() }()
	log, err := os.OpenFile(p.file(".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return identity{}, fmt.Errorf("start %s: %w", p.path, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.path, p.args...) //nolint:noctx // the process outlives ocne, and any context of it
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdout, cmd.Stderr = out, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return identity{}, fmt.Errorf("start %s: %w", p.path, err)
	}
	id, err := p.write(cmd.Process.Pid, modified)
	if err != nil {
		// Without a pid file nobody could ever stop it.
		return identity{}, errors.Join(fmt.Errorf("record the process of %s: %w", p.path, err), cmd.Process.Kill(), cmd.Wait())
	}
	return id, cmd.Process.Release()
}

func (p program) write(pid int, modified time.Time) (identity, error) {
	id, err := identify(pid)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return identity{}, fmt.Errorf("it ended at once%s", p.tail())
		}
		return identity{}, err
	}
	content, err := json.Marshal(record{identity: id, Program: p.path, Modified: modified, Args: p.args})
	if err != nil {
		return identity{}, err
	}
	temporary := p.file(".pid.new")
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return identity{}, err
	}
	return id, os.Rename(temporary, p.file(".pid"))
}

// awaitReady returns the one line that the process writes to its standard output when it is ready.
func (p program) awaitReady(ctx context.Context, id identity) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("not ready within %s", startWithin))
	defer cancel()
	var line []byte
	err := poll(ctx, func() bool {
		out, _ := os.ReadFile(p.file(".out"))
		var complete bool
		line, _, complete = bytes.Cut(out, []byte("\n"))
		return complete || p.ended(id)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("wait for %s (log: %s): %w", p.path, p.file(".log"), err)
	case !json.Valid(line):
		return nil, fmt.Errorf("%s ended while it started%s", p.path, p.tail())
	}
	return line, nil
}

// ended also reaps the process when it is a child of this one.
func (p program) ended(id identity) bool {
	if id.alive() {
		return false
	}
	_, _ = syscall.Wait4(id.PID, nil, syscall.WNOHANG, nil)
	return true
}

// stop ends the process and removes its pid file; a process that does not run is fine.
func (p program) stop(ctx context.Context) error {
	r, ok := p.running()
	if !ok {
		return removeFile(p.file(".pid"))
	}
	if err := r.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s (process %d): %w", p.path, r.PID, err)
	}
	limited, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := poll(limited, func() bool { return p.ended(r.identity) }); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("stop %s (process %d): %w", p.path, r.PID, ctx.Err())
		}
		if err := r.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill %s (process %d): %w", p.path, r.PID, err)
		}
		if err := poll(ctx, func() bool { return p.ended(r.identity) }); err != nil {
			return fmt.Errorf("kill %s (process %d): %w", p.path, r.PID, err)
		}
	}
	return removeFile(p.file(".pid"))
}

// tail returns the end of the log, set off for an error message.
func (p program) tail() string {
	log, err := os.ReadFile(p.file(".log"))
	if err != nil || len(log) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for i, line := range lines {
		if len(line) > tailWidth {
			lines[i] = strings.ToValidUTF8(line[:tailWidth], "") + "..."
		}
	}
	return fmt.Sprintf("; the end of its log %s:\n  %s", p.file(".log"), strings.Join(lines, "\n  "))
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// poll calls done until it is true; it returns the context's cause when that ends first.
func poll(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(pollProcess)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return nil
}
