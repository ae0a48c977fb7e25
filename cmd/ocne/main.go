// Command ocne makes and manages Kubernetes clusters on Oracle Linux Virtualization Manager.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/root"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	env, err := environment()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return cli.ExitError
	}
	return root.Main(ctx, env, args)
}

func environment() (*cli.Environment, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("home directory: %w", err)
	}
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return nil, fmt.Errorf("directory of the programs beside ocne: %w", err)
	}
	return &cli.Environment{
		Streams:  iostreams.System(os.Getenv),
		Command:  os.Args[0],
		Getenv:   os.Getenv,
		HomeDir:  home,
		Programs: filepath.Dir(program),
		Version:  version,
		Now:      time.Now,
	}, nil
}
