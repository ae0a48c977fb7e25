package embedded_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestMain makes the test binary stand in for the two programs: it is them when it is called by their names.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "ocne-controlplane", "ocne-manager":
		os.Exit(standIn(name, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// standIn starts, says that it is ready and stops on SIGTERM, like the programs; files beside it make it misbehave.
func standIn(name string, args []string) int {
	beside := func(file string) string { return filepath.Join(filepath.Dir(os.Args[0]), file) }
	exists := func(file string) bool { _, err := os.Stat(beside(file)); return err == nil }
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	fmt.Fprintln(os.Stderr, name, "starts")
	if exists(name + "-fails") {
		fmt.Fprintln(os.Stderr, "the disk is full")
		return 1
	}
	if !exists(name + "-hangs") {
		ready := map[string]any{"pid": os.Getpid()}
		if name == "ocne-controlplane" {
			dir := args[slices.Index(args, "--dir")+1]
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return 1
			}
			ready["kubeconfig"], ready["server"] = filepath.Join(dir, "kubeconfig"), "https://127.0.0.1:6443"
		}
		_ = json.NewEncoder(os.Stdout).Encode(ready)
	}
	<-stopped
	f, err := os.OpenFile(beside("stopped"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	_, _ = io.WriteString(f, name+"\n")
	return 0
}
