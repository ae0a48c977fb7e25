package scripts

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ocne-project/ocne/test/programs"
)

// copyOCKImage takes the image from the cache outside the tree, where its script makes it the first time.
func copyOCKImage(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: ockimage FILE")
	}
	w := worldOf(ts)
	command := exec.CommandContext(w.t.Context(), "../../hack/ock-test-image.sh")
	var told bytes.Buffer
	command.Stderr = &told
	out, err := command.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && failed.ExitCode() == 3 {
		w.t.Skipf("the image of the shape of OCK's cannot be made: %s", strings.TrimSpace(told.String()))
	}
	if err != nil {
		return fmt.Errorf("hack/ock-test-image.sh: %w: %s", err, told.String())
	}
	content, err := os.ReadFile(strings.TrimSpace(string(out)))
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
	begun := 0
	for _, r := range e.Requests(e.t) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "imagetransfers") {
			begun++
		}
	}
	if strconv.Itoa(begun) != args[0] {
		return fmt.Errorf("%d image transfers were begun", begun)
	}
	return nil
}

func startRegistry(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: registry REPOSITORY:TAG FILE")
	}
	w := worldOf(ts)
	var ready struct{ Address, CAFile, AuthFile string }
	programs.Start(w.t, &ready, nil, programs.PlainPath(w.t, "test-registry"), "-dir", w.t.TempDir(), args[0]+",amd64="+ts.MkAbs(args[1]))
	ts.Setenv("REGISTRY", ready.Address)
	ts.Setenv("REGISTRY_CA", ready.CAFile)
	ts.Setenv("REGISTRY_AUTH", ready.AuthFile)
	return nil
}
