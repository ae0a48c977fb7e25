package libvirt

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ocne-project/ocne/test/libvirtd"
)

func TestMain(m *testing.M) { libvirtd.Main(m) }

// ordinaryUser is somebody without rights.
func ordinaryUser(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("there is no user nobody on this machine")
	}
	var uid, gid uint32
	if _, err := fmt.Sscan(u.Uid+" "+u.Gid, &uid, &gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uid, Gid: gid}
}

func testdata(name string) string { return filepath.Join("testdata", name) }

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
