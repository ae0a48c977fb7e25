package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/ovirt/go-ovirt-client/v3" // whose tests are run: the import keeps it in go.mod
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const (
	suiteModule = "github.com/ovirt/go-ovirt-client/v3"
	// suiteVariable must be set for the suite to run: some of its tests wait for minutes by design.
	suiteVariable = "OCNE_CLIENT_SUITE"
	// excluded needs the internet.
	excluded = "^TestBadURL$"
	// suiteTime is more than twice what two tests need that try to remove a template in use for five minutes each.
	suiteTime = 30 * time.Minute
)

// TestLiveSuiteOfGoOVirtClient runs go-ovirt-client's own live tests, unmodified, against a simulated engine whose time runs 20
// times faster: slow enough for their polling to see what it waits for.
func TestLiveSuiteOfGoOVirtClient(t *testing.T) {
	if os.Getenv(suiteVariable) == "" {
		t.Skip("takes ten minutes: set " + suiteVariable + "=1, or run make test-clients")
	}
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime+time.Minute)
	defer cancel()
	directory := strings.TrimSpace(run(ctx, t, "", nil, "go", "list", "-m", "-f", "{{.Dir}}", suiteModule))
	program := filepath.Join(t.TempDir(), "suite.test")
	run(ctx, t, "", nil, "go", "test", "-trimpath", "-c", "-modfile", fixture(t, directory), "-o", program, suiteModule)
	have := inventory.Default()
	have.MaxVMNameLength = 255 // one of the suite's names has 66 characters: it is made for engines that allow more than the default
	s := olvmsim.New(t, olvmsim.Options{Inventory: &have, TimeScale: 20, Guests: agents{}})
	environment := append(os.Environ(), "OVIRT_URL="+s.URL()+"/api", "OVIRT_USERNAME="+s.Username(), "OVIRT_PASSWORD="+s.Password(),
		"OVIRT_CAFILE="+s.CAFile())
	arguments := []string{"-client", "live", "-test.v", "-test.parallel", "16", "-test.timeout", suiteTime.String(), "-test.skip", excluded}
	only := os.Getenv(suiteVariable + "_RUN") // a pattern of names, to look at some of the tests
	if only != "" {
		arguments = append(arguments, "-test.run", only)
	}
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env = directory, environment
	output, err := command.CombinedOutput()
	results := summary(output)
	t.Logf("%s: %d passed, %d skipped: %s, %d failed: %s", suiteModule, len(results["PASS"]), len(results["SKIP"]),
		strings.Join(results["SKIP"], " "), len(results["FAIL"]), strings.Join(results["FAIL"], " "))
	if err != nil || t.Failed() {
		t.Log(string(output))
	}
	require.NoError(t, err)
	require.Empty(t, results["FAIL"])
	require.Empty(t, results["SKIP"])
	if only == "" {
		require.GreaterOrEqual(t, len(results["PASS"]), 70, "the suite has 79 tests")
	}
}

// fixture copies the suite's module, which stays as it is but for the disk image that its authors generate from an operating system: a
// VM of it reports its address. Here every VM does, so an empty image will do. The go.mod that is returned uses the copy.
func fixture(t *testing.T, directory string) (modfile string) {
	t.Helper()
	module := filepath.Join(t.TempDir(), "module")
	require.NoError(t, os.CopyFS(module, os.DirFS(directory)))
	require.NoError(t, os.WriteFile(filepath.Join(module, "testimage", "full.qcow"), emptyImage(), 0o600))
	here, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	sum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	modfile = filepath.Join(t.TempDir(), "go.mod")
	text := strings.Replace(string(mod), "=> ../..", "=> "+here, 1) + "\nreplace " + suiteModule + " => " + module + "\n"
	require.NoError(t, os.WriteFile(modfile, []byte(text), 0o600))
	require.NoError(t, os.WriteFile(strings.TrimSuffix(modfile, ".mod")+".sum", sum, 0o600))
	return modfile
}

// emptyImage is a qcow2 image of 1 MiB without data: its header, the table and the block of reference counts, and the L1 table, a
// cluster of 64 KiB each (QEMU's docs/interop/qcow2.rst).
func emptyImage() []byte {
	const cluster = 1 << 16
	image := make([]byte, 4*cluster)
	put32 := func(at int, v uint32) { binary.BigEndian.PutUint32(image[at:], v) }
	put64 := func(at int, v uint64) { binary.BigEndian.PutUint64(image[at:], v) }
	copy(image, "QFI\xfb")
	put32(4, 3)          // version
	put32(20, 16)        // bits of a cluster
	put64(24, 1<<20)     // virtual size
	put32(36, 1)         // entries of the L1 table
	put64(40, 3*cluster) // the L1 table
	put64(48, cluster)   // the reference count table
	put32(56, 1)         // its clusters
	put32(96, 4)         // reference counts of 16 bits
	put32(100, 104)      // length of the header
	put64(cluster, 2*cluster)
	for i := range 4 {
		binary.BigEndian.PutUint16(image[2*cluster+2*i:], 1)
	}
	return image
}

// agents are guests of which nothing is known but an address.
type agents struct{}

func (agents) Start(context.Context, olvmsim.GuestVM) error { return nil }
func (agents) Stop(string)                                  {}
func (agents) Close()                                       {}
func (agents) Addresses(string) []string                    { return []string{"192.0.2.10"} }

// summary lists the tests by how they ended.
func summary(output []byte) map[string][]string {
	ended := regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+)`)
	results := map[string][]string{}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		if m := ended.FindStringSubmatch(lines.Text()); m != nil {
			results[m[1]] = append(results[m[1]], m[2])
		}
	}
	for _, names := range results {
		slices.Sort(names)
	}
	return results
}

func run(ctx context.Context, t *testing.T, directory string, environment []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir, command.Env = directory, environment
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(arguments, " "), stderr.String())
	return string(output)
}
