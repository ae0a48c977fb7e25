// Command ocne-controlplane runs a Kubernetes control plane that is just large enough to manage clusters with Cluster API:
// etcd, kube-apiserver, and the garbage collector and namespace controllers of kube-controller-manager, in one process on loopback.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	var wrong *usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "ocne-controlplane:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "ocne-controlplane:", err)
		os.Exit(1)
	}
}

// usageError is a wrong command line.
type usageError struct{ error }

// ready is the one line on stdout that says the API answers.
type ready struct {
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"`
	PID        int    `json:"pid"`
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("ocne-controlplane", flag.ContinueOnError)
	var o options
	flags.StringVar(&o.dir, "dir", "", "directory for all state (created with mode 0700; required)")
	flags.IntVar(&o.port, "port", 0, "port of the API server on 127.0.0.1; 0 keeps the port of the last start, or takes a free one")
	flags.BoolVar(&o.fsync, "fsync", true, "wait for the disk at every write; without it a power failure can lose the state (for tests)")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &usageError{err}
	}
	if *showVersion {
		_, err := fmt.Fprintf(stdout, "ocne-controlplane %s\n", version.Get().GitVersion)
		return err
	}
	if o.dir == "" {
		return &usageError{errors.New("--dir is required: the directory that keeps the control plane's state")}
	}
	klog.LogToStderr(true)

	c, err := start(ctx, o)
	if err != nil {
		return err
	}
	line := ready{Kubeconfig: c.kubeconfig, Server: c.server, PID: os.Getpid()}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("write the ready line: %w", err)
	}
	select {
	case <-ctx.Done():
		return c.stop()
	case err := <-c.failed:
		return errors.Join(err, c.stop())
	}
}
