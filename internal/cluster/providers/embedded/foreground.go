package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ocne-project/ocne/internal/filelock"
)

const (
	// watchInterval is the time between two looks of Serve at the processes and their logs.
	watchInterval = 2 * time.Second
	// serveEndsWithin bounds the wait for Serve to have stopped both processes, each of which is killed after stopWithin.
	serveEndsWithin = 3 * stopWithin
)

// ErrServed says that another process keeps the management cluster running already.
var ErrServed = errors.New("another 'ocne management start --foreground' keeps the management cluster running")

// Serve runs the management cluster until the context ends, and then stops both processes. A process that ends meanwhile is started again. ready is
// called once, when both are ready. Commands work with the management cluster as ever; none of them stops it when it is idle.
func Serve(ctx context.Context, o Options, ready func(*Session)) error {
	alone, err := filelock.Try(filepath.Join(o.Dir, "foreground"), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		return ErrServed
	}
	if err != nil {
		return err
	}
	defer func() { _ = alone.Close() }()
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	self := o.foreground()
	if _, err := self.write(os.Getpid(), time.Time{}); err != nil {
		return errors.Join(fmt.Errorf("record the process that keeps the management cluster running: %w", err), s.Close())
	}
	defer func() { _ = removeFile(self.file(".pid")) }()
	ready(s)
	err = s.keepRunning(ctx)
	return errors.Join(err, s.Close(), o.stopAll(context.WithoutCancel(ctx)))
}

// foreground is the process of Serve, as its pid file tells.
func (o Options) foreground() program { return program{name: "foreground", path: "ocne", dir: o.Dir} }

// keepRunning returns nil when the context ends.
func (s *Session) keepRunning(ctx context.Context) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.options.rotateLogs(); err != nil {
			s.options.Report(err.Error())
		}
		err := s.Check()
		if err == nil {
			continue
		}
		s.options.Report(err.Error())
		for _, name := range processNames() {
			program{name: name, dir: s.options.Dir}.reap()
		}
		again, err := Start(ctx, s.options)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := again.Close(); err != nil { // this session goes on
			return err
		}
	}
}

// reap removes what the kernel keeps of an ended process that is a child of this one.
func (p program) reap() {
	var r record
	content, err := os.ReadFile(p.file(".pid"))
	if err == nil && json.Unmarshal(content, &r) == nil && r.PID > 0 {
		_, _ = syscall.Wait4(r.PID, nil, syscall.WNOHANG, nil)
	}
}

func (o Options) stopAll(ctx context.Context) error {
	exclusive, err := o.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(o.stopProcesses(ctx), exclusive.Close())
}

// Served says whether Serve runs for the management cluster in dir.
func Served(dir string) bool {
	_, running := Options{Dir: dir}.foreground().running()
	return running
}

// endServe asks Serve to end, and waits until it has stopped the processes.
func (o Options) endServe(ctx context.Context) error {
	r, running := o.foreground().running()
	if !running {
		return nil
	}
	o.Report(fmt.Sprintf("ending process %d, which keeps it running", r.PID))
	if err := r.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end process %d, which keeps the management cluster running: %w", r.PID, err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, serveEndsWithin, fmt.Errorf("it did not end within %s", serveEndsWithin))
	defer cancel()
	if err := poll(limited, func() bool { return !r.alive() }); err != nil {
		return fmt.Errorf("end process %d, which keeps the management cluster running: %w", r.PID, err)
	}
	return nil
}
