package programs

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// OCKImage is a small disk of the shape of OCK's, from the cache outside the tree, where its script makes it the first time. The test is skipped
// where the script's tools are missing. Tests run in a directory two levels below the tree's root.
func OCKImage(t testing.TB) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "../../hack/ock-test-image.sh")
	var told bytes.Buffer
	command.Stderr = &told
	out, err := command.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && failed.ExitCode() == 3 {
		t.Skipf("the image of the shape of OCK's cannot be made: %s", strings.TrimSpace(told.String()))
	}
	require.NoError(t, err, told.String())
	return strings.TrimSpace(string(out))
}

// Registry is a registry with TLS and a password.
type Registry struct{ Address, CAFile, AuthFile string }

// StartRegistry starts one with images, each REPOSITORY:TAG,ARCHITECTURE=FILE,...
func StartRegistry(t testing.TB, images ...string) Registry {
	t.Helper()
	var r Registry
	Start(t, &r, nil, PlainPath(t, "test-registry"), append([]string{"-dir", t.TempDir()}, images...)...)
	return r
}

// ImageTransfers counts the uploads that were begun in the engine.
func (e *Engine) ImageTransfers(t testing.TB) int {
	t.Helper()
	n := 0
	for _, r := range e.Requests(t) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "imagetransfers") {
			n++
		}
	}
	return n
}
