package scripts

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ocne-project/ocne/test/programs"
)

// copyOCKImage takes the image from the cache outside the tree, where its script makes it the first time.
func copyOCKImage(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: ockimage FILE")
	}
	content, err := os.ReadFile(programs.OCKImage(worldOf(ts).t))
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(args[0]), content, 0o600)
}

func truncate(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: truncate FILE SIZE")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	return os.Truncate(ts.MkAbs(args[0]), size)
}

func expectTransfers(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: transfers N")
	}
	e := worldOf(ts).engine
	begun := e.ImageTransfers(e.t)
	if strconv.Itoa(begun) != args[0] {
		return fmt.Errorf("%d image transfers were begun", begun)
	}
	return nil
}

func startRegistry(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: registry REPOSITORY:TAG FILE")
	}
	ready := programs.StartRegistry(worldOf(ts).t, args[0]+",amd64="+ts.MkAbs(args[1]))
	ts.Setenv("REGISTRY", ready.Address)
	ts.Setenv("REGISTRY_CA", ready.CAFile)
	ts.Setenv("REGISTRY_AUTH", ready.AuthFile)
	return nil
}
