// Package embedded runs the embedded management cluster: ocne-controlplane and ocne-manager as two processes that live on after ocne
// has ended, until the last cluster that they manage is gone.
//
// Everything is in one private directory: controlplane/ (the state), manager/ (webhook certificates), and for each of the two
// processes a pid file, a log and a file with its ready line. Two locks guard them: "lock" is held while something is started or
// stopped, "users" is shared by every ocne that works with the management cluster and keeps others from stopping it meanwhile.
package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/internal/filelock"
)

// Options of the embedded management cluster.
type Options struct {
	// Dir holds everything; it is made with mode 0700.
	Dir string
	// Programs is the directory of ocne-controlplane and ocne-manager.
	Programs string
	// FeatureGates of the manager, such as "A=true,B=false", beside the ones that are always set.
	FeatureGates string
	// Getenv reads the environment; a few variables that are no secrets are handed on to the processes.
	Getenv func(string) string
	// Report is told what takes time, in a few words.
	Report func(text string)
}

// Session is the use of a running management cluster.
type Session struct {
	// Kubeconfig is the path of the file to reach it with; it stays valid over restarts.
	Kubeconfig string
	// Server is the URL of its API.
	Server string

	options Options
	users   *os.File
}

// Exists says whether there is a management cluster in dir, running or not.
func Exists(dir string) (bool, error) {
	return exists(filepath.Join(dir, "controlplane"))
}

// Start makes sure that both processes run, on the state that is there, and returns when both are ready. Close the session.
func Start(ctx context.Context, o Options) (*Session, error) {
	exclusive, err := o.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = exclusive.Close() }()
	existed, err := Exists(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded management cluster: %w", err)
	}
	for _, dir := range []string{o.Dir, filepath.Join(o.Dir, "manager")} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700)); err != nil { //nolint:gosec // a directory, private to its owner
			return nil, fmt.Errorf("directory of the management cluster: %w", err)
		}
	}
	if err := o.rotateLogs(); err != nil {
		o.Report(err.Error()) // not worth more: the processes run all the same
	}
	s := &Session{options: o}
	if err := s.ensureProcesses(ctx); err != nil {
		if !existed && ctx.Err() != nil { // a start that failed by itself leaves its logs; one that was interrupted leaves nothing
			err = errors.Join(err, os.RemoveAll(o.Dir))
		}
		return nil, fmt.Errorf("embedded management cluster: %w", err)
	}
	if s.users, err = filelock.Wait(ctx, o.usersFile(), filelock.Shared, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// ensureProcesses leaves no process behind that it started for nothing.
func (s *Session) ensureProcesses(ctx context.Context) (err error) {
	controlPlane := s.options.controlPlane()
	if _, running := controlPlane.running(); !running {
		s.options.Report("starting etcd and kube-apiserver")
		defer func() {
			if err != nil {
				stopCtx := context.WithoutCancel(ctx)
				err = errors.Join(err, s.options.manager(s.Kubeconfig).stop(stopCtx), controlPlane.stop(stopCtx))
			}
		}()
	}
	line, err := controlPlane.ensure(ctx)
	if err != nil {
		return err
	}
	var ready struct{ Kubeconfig, Server string }
	if err := json.Unmarshal(line, &ready); err != nil || ready.Kubeconfig == "" {
		return fmt.Errorf("unexpected ready line of %s: %q", controlPlane.path, line)
	}
	s.Kubeconfig, s.Server = ready.Kubeconfig, ready.Server
	manager := s.options.manager(s.Kubeconfig)
	if _, running := manager.running(); !running {
		s.options.Report("starting the controllers of Cluster API, kubeadm and OLVM")
	}
	_, err = manager.ensure(ctx)
	return err
}

// Check returns an error when one of the processes has ended since the start.
func (s *Session) Check() error {
	for _, p := range []program{s.options.controlPlane(), s.options.manager(s.Kubeconfig)} {
		if _, running := p.running(); !running {
			return fmt.Errorf("embedded management cluster: %s has ended%s", p.path, p.tail())
		}
	}
	return nil
}

// Close ends the use; the processes go on.
func (s *Session) Close() error { return s.users.Close() }

// ErrInUse says that the management cluster was not stopped because another ocne works with it.
var ErrInUse = errors.New("another ocne command uses the management cluster")

// StopIfIdle stops both processes and removes their directory when idle says that nothing is managed any more and nobody wants the
// management cluster kept. It closes the session in every case. It returns ErrInUse when another command has a session.
func (s *Session) StopIfIdle(ctx context.Context, idle func(context.Context) (bool, error)) (stopped bool, err error) {
	if err := s.Close(); err != nil {
		return false, err
	}
	exclusive, err := s.options.lock(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = exclusive.Close() }()
	users, err := filelock.Try(s.options.usersFile(), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		return false, ErrInUse
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = users.Close() }()
	if there, err := Exists(s.options.Dir); !there || err != nil {
		return true, errors.Join(err, os.RemoveAll(s.options.Dir)) // another command was faster
	}
	if kept, err := exists(keepFile(s.options.Dir)); kept || err != nil {
		return false, err
	}
	if ok, err := idle(ctx); !ok || err != nil {
		return false, err
	}
	if err := s.options.stopProcesses(ctx); err != nil {
		return false, err
	}
	if err := os.RemoveAll(s.options.Dir); err != nil {
		return false, fmt.Errorf("remove the management cluster's directory: %w", err)
	}
	return true, nil
}

func (o Options) lock(ctx context.Context) (*os.File, error) {
	return filelock.Wait(ctx, filepath.Join(o.Dir, "lock"), filelock.Alone, func() {
		o.Report("waiting for another ocne command that starts or stops it")
	})
}

func (o Options) usersFile() string { return filepath.Join(o.Dir, "users") }

func (o Options) controlPlane() program {
	return program{
		name: "controlplane",
		path: filepath.Join(o.Programs, "ocne-controlplane"),
		args: []string{"--dir", filepath.Join(o.Dir, "controlplane")},
		env:  o.environment(),
		dir:  o.Dir,
	}
}

func (o Options) manager(kubeconfig string) program {
	// Cluster API reconciles an object at most once a second to spare a busy API server; this one is ours alone and idle.
	gates := []string{"ReconcilerRateLimiting=false"}
	if o.FeatureGates != "" {
		gates = append(gates, o.FeatureGates)
	}
	return program{
		name: "manager",
		path: filepath.Join(o.Programs, "ocne-manager"),
		args: []string{
			"--kubeconfig", kubeconfig,
			"--providers", "core,bootstrap,control-plane,olvm",
			"--install",
			"--cert-dir", filepath.Join(o.Dir, "manager"),
			"--leader-elect=false",
			"--metrics-bind-address", "0",
			"--feature-gates", strings.Join(gates, ","),
		},
		env: o.environment(),
		dir: o.Dir,
	}
}

// environment hands on the named variables only: the processes live long, everybody with this user id can read their environment,
// and the caller's holds the engine's password.
func (o Options) environment() []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
		"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK", "GOCOVERDIR",
	} {
		if value := o.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
