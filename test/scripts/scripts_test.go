// Package scripts shows what users get for bad input. Each script in testdata is one mistake: it runs the built programs against a
// simulated engine and pins exit code, message and that nothing was changed. Beside testscript's own commands, scripts use
//
//	engine [INVENTORY]        start an engine with the content of an inventory file and write demo.yaml, a good cluster file, for it
//	yamlset KEY [VALUE]       change a key of demo.yaml, or remove it; VALUE is YAML
//	exits CODE PROGRAM ...    run a program and expect its exit code, and no password in its output
//	unchanged                 expect that engine, management cluster and home directory are what they were
//	othervm NAME ADDRESS ...  a VM of another cluster with these addresses
//	listen ADDRESS            something that accepts connections
//	webserver STATUS          something that is not an engine, at $WEB_URL with the CA $WEB_CA
//	management [GATES]        a management cluster with Cluster API and the provider, at $MANAGEMENT
//	apiserver [FILE ...]      a Kubernetes API with the objects of these files, at $MANAGEMENT
//	ockimage FILE             a small disk of the shape of OCK's boot disk
//	truncate FILE SIZE        cut a file off
//	registry REPOSITORY:TAG FILE   a registry with TLS and a password that has this disk as an image, at $REGISTRY with the CA $REGISTRY_CA
//	                          and the credentials $REGISTRY_AUTH
//	transfers N               expect that so many image transfers were begun in the engine
//
// $NET is the first three octets of a network of the script's own.
package scripts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ocne-project/ocne/test/programs"
)

const (
	usernameVariable = "OCNE_OLVM_USERNAME"
	passwordVariable = "OCNE_OLVM_PASSWORD"

	// patience is the time in which every program of a script ends.
	patience = 2 * time.Minute
)

func TestBadConfiguration(t *testing.T) { run(t, "configuration") }

func TestBadEngine(t *testing.T) { run(t, "engine") }

func TestImages(t *testing.T) { run(t, "images") }

func TestBadManagementCluster(t *testing.T) { run(t, "management") }

func run(t *testing.T, dir string) {
	programs.Path(t, "ocne") // else skipped
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"engine":     command(startEngine),
			"yamlset":    command(setKey),
			"exits":      command(exits),
			"unchanged":  command(unchanged),
			"othervm":    command(addOtherVM),
			"listen":     command(listen),
			"webserver":  command(startWebServer),
			"management": command(startManagement),
			"apiserver":  command(startAPIServer),
			"ockimage":   command(copyOCKImage),
			"truncate":   command(truncate),
			"transfers":  command(expectTransfers),
			"registry":   command(startRegistry),
		},
	})
}

// setUp makes a user with a home directory, credentials and nothing else.
func setUp(env *testscript.Env) error {
	w := &world{t: env.T().(testing.TB), work: env.WorkDir}
	env.Values[worldKey{}] = w
	programs.Guard(w.t, env.WorkDir)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv(usernameVariable, programs.Username)
	env.Setenv(passwordVariable, programs.Password)
	env.Setenv("NET", fmt.Sprintf("127.%d.%d", 128+rand.IntN(64), rand.IntN(256)))
	return nil
}

type worldKey struct{}

// world is what one script has started.
type world struct {
	t          testing.TB
	work       string
	engine     *engine     // nil until the script starts one
	management *kubernetes // nil until the script starts one
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// command makes a command for scripts, which none of ours negates.
func command(run func(ts *testscript.TestScript, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		ts.Check(run(ts, args))
	}
}

// exits runs a program whose exit code is known in advance. Its output stays available to stdout, stderr and cmp.
func exits(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: exits CODE PROGRAM [ARGUMENT ...]")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	w := worldOf(ts)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var out, errOut bytes.Buffer // written to by a goroutine each
	cmd := exec.CommandContext(ctx, programs.Path(w.t, args[1]), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + w.work}
	for _, name := range handedOn() {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(ts.Stdout(), &out), io.MultiWriter(ts.Stderr(), &errOut)
	if err := cmd.Run(); cmd.ProcessState == nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not refused within %s", patience)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		return fmt.Errorf("exit code %d, expected %d", code, want)
	}
	for _, secret := range []string{programs.Password, ts.Getenv(passwordVariable)} {
		if secret != "" && strings.Contains(out.String()+errOut.String(), secret) {
			return errors.New("the output holds the password")
		}
	}
	return nil
}

// handedOn are the variables that scripts may set for the programs.
func handedOn() []string {
	return []string{"PATH", "TMPDIR", "KUBECONFIG", "OCNE_DEFAULTS", "REGISTRY_AUTH_FILE", usernameVariable, passwordVariable}
}

// unchanged looks at everything that a command could have left.
func unchanged(ts *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: unchanged")
	}
	w := worldOf(ts)
	if w.engine == nil {
		return errors.New("no engine was started")
	}
	for _, left := range []string{filepath.Join(".ocne", "management"), ".kube"} {
		if _, err := os.Stat(filepath.Join(w.work, left)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("~/%s was left behind", left)
		}
	}
	if err := w.engine.unchanged(); err != nil {
		return err
	}
	if w.management == nil {
		return nil
	}
	return w.management.unchanged()
}
