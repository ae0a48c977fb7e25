package clients

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A stranger who copies docs/tutorial/simulator.md from top to bottom gets what it promises.
func TestTheTutorialWorksAsItIsWritten(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "tutorial", "simulator.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	program := filepath.Join(dir, "second.test.program")
	script := "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
	for _, block := range regexp.MustCompile("(?s)```(sh|go)\n(.*?)```").FindAllStringSubmatch(freePort(t, string(page)), -1) {
		if block[1] == "sh" {
			script += strings.Replace(block[2], "-o olvmsim ./cmd/olvmsim", "-o "+dir+"/olvmsim "+root+"/cmd/olvmsim", 1)
			continue
		}
		buildProgram(t, program, block[2])
		script += program + "\n"
	}
	script = strings.Replace(script, "go build", "cd "+root+" && CGO_ENABLED=0 go build -trimpath", 1)
	script = strings.Replace(script, "export OLVMSIM", "cd "+dir+"\nexport OLVMSIM", 1)
	url := regexp.MustCompile(`https://[0-9.:]+/ovirt-engine`).FindString(script) // the programs' default is the page's port
	script = regexp.MustCompile(`(\./olvmsim (?:inventory|fault|journal|check).*)--ca-file`).ReplaceAllString(script, "$1--url "+url+" --ca-file")
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	require.NoError(t, err, string(out))
	said := string(out)
	for _, promise := range []string{
		`"username":"admin@internal"`, "<name>ock</name>", `"name": "ock"`, "<status>image_locked</status>", "<status>complete</status>", "first",
		"second starts", "curl: no reply", "The VM name is already in use", `"POST"`,
	} {
		require.Contains(t, said, promise, said)
	}
}

// freePort puts a port of the test's own in place of the page's.
func freePort(t *testing.T, page string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return strings.ReplaceAll(page, "127.0.0.1:8443", "127.0.0.1:"+port)
}

// buildProgram builds the page's program in this module, which has the SDK.
func buildProgram(t *testing.T, output, source string) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "tutorial-") //nolint:usetesting // it must be built inside this module
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", output, "./"+dir)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
}
