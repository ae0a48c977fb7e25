//go:build linux

package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// handedOver is what Boot writes when it becomes systemd.
const handedOver = "systemd"

// File descriptors that Boot is started with.
const (
	ordersDescriptor  = 3
	resultsDescriptor = 4
)

// Specification is what Boot is told about a VM.
type Specification struct {
	VMID string
	// Dir is the disk's directory.
	Dir string
	// Layers are the lower directories of the root, the topmost first.
	Layers []string
	// Initial is the root that Ignition runs from.
	Initial string
	// Hierarchies are the names of the cgroup hierarchies.
	Hierarchies []string
	// NICs is how many there are.
	NICs int
	// UserData is what Ignition is to read, or cloud-init; nil when neither is to run. MetaData and NetworkData are for cloud-init alone.
	UserData, MetaData, NetworkData []byte
}

func (s Specification) upper() string   { return filepath.Join(s.Dir, "upper") }
func (s Specification) work() string    { return filepath.Join(s.Dir, "work") }
func (s Specification) root() string    { return filepath.Join(s.Dir, "root") }
func (s Specification) initial() string { return filepath.Join(s.Dir, "initial") }

// ignited is there when Ignition has succeeded, or cloud-init has got what it reads.
func (s Specification) ignited() string { return filepath.Join(s.Dir, "ignited") }

// data are the directories of a node that must not be on an overlay, by where they are in its root: container runtimes make overlays of
// their own there, and etcd and the kubelet want a real file system.
func (s Specification) data() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"containerd", "containers", "kubelet", "etcd"} {
		all["/var/lib/"+name] = filepath.Join(s.Dir, "data", name)
	}
	return all
}

func (s Specification) directories() []string {
	all := []string{s.upper(), s.work(), s.root(), s.initial()}
	for _, dir := range s.data() {
		all = append(all, dir)
	}
	return all
}

// Boot is the first process of a guest, which New's Options.Program starts: it makes the root file system, runs Ignition on the first boot,
// and becomes systemd. It returns only on an error, which it has told to those who started it. It is also the process that removes what
// a killed one left; then it returns when that is done.
func Boot() error {
	if os.Getenv(watchVariable) != "" {
		return watch(os.Stdin)
	}
	results := os.NewFile(resultsDescriptor, "results")
	orders := os.NewFile(ordersDescriptor, "orders")
	unix.CloseOnExec(resultsDescriptor)
	unix.CloseOnExec(ordersDescriptor)
	err := bootFrom(orders, results)
	// What went wrong is one line: whoever reads it waits for one.
	_, _ = fmt.Fprintln(results, strings.ReplaceAll(err.Error(), "\n", "; "))
	return err
}

func bootFrom(orders io.ReadCloser, results io.Writer) error {
	// The namespace for cgroups is that of this thread, and the thread that becomes systemd hands its own on.
	runtime.LockOSThread()
	var s Specification
	if err := json.NewDecoder(orders).Decode(&s); err != nil {
		return fmt.Errorf("read specification: %w", err)
	}
	_ = orders.Close() // it was read only
	for _, part := range []struct {
		what string
		do   func() error
	}{
		{"enter cgroup namespace", func() error { return unix.Unshare(unix.CLONE_NEWCGROUP) }},
		{"set host name", func() error { return unix.Sethostname([]byte("localhost")) }},
		{"mount root", s.mountRoot},
		{"name the machine", s.nameMachine},
		{"Ignition", s.ignite},
		{"config drive", s.seed},
		{"bring up NICs", s.bringUp},
		{"change root", s.enterRoot},
		{"drop capabilities", dropCapabilities},
	} {
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.what, err)
		}
	}
	if _, err := fmt.Fprintln(results, handedOver); err != nil {
		return err
	}
	const systemd = "/usr/lib/systemd/systemd"
	arguments := []string{systemd, "--show-status=1", "systemd.journald.forward_to_console=1", "systemd.journald.max_level_console=info"}
	// container_uuid becomes the machine id, which stands in for the system's UUID where there is no SMBIOS (systemd(1), machine-id(5)).
	environment := []string{
		"container=olvmsim", "container_uuid=" + s.VMID, "TERM=dumb", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	return fmt.Errorf("start %s: %w", systemd, syscall.Exec(systemd, arguments, environment))
}

// nameMachine makes the first boot one: systemd presets units when there is no machine id yet (machine-id(5)).
func (s Specification) nameMachine() error {
	path := filepath.Join(s.root(), "etc/machine-id")
	if _, err := os.Stat(filepath.Join(s.upper(), "etc/machine-id")); err == nil {
		return nil
	}
	_ = os.Remove(path)                                         // it may be a link
	return os.WriteFile(path, []byte("uninitialized\n"), 0o444) //nolint:gosec // every program of the guest reads it
}

// ignite runs the stages of Ignition that a machine has whose disk needs no partitions: those of its dracut module, in the same order. The
// real one reads the same bytes from the config drive, which a container cannot mount.
func (s Specification) ignite() error {
	if s.UserData == nil || s.isCloudConfig() {
		return nil
	}
	initial, err := s.mountInitial()
	if err != nil {
		return err
	}
	const config, needNetwork = "/run/config.ign", "/run/neednet"
	if err := os.WriteFile(filepath.Join(initial, config), s.UserData, 0o600); err != nil {
		return err
	}
	for _, stage := range []string{"fetch-offline", "files"} {
		command := exec.Command("/usr/bin/ignition", "--platform", "file", "--root", sysroot, "--stage", stage, //nolint:noctx // killed with PID 1
			"--log-to-stdout", "--config-cache", "/run/ignition.json", "--state-file", "/run/ignition.state", "--neednet", needNetwork)
		command.SysProcAttr = &syscall.SysProcAttr{Chroot: initial}
		command.Dir = "/"
		command.Env = []string{"IGNITION_CONFIG_FILE=" + config, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		output := &withoutDocument{w: os.Stdout}
		command.Stdout, command.Stderr = output, output
		if err := command.Run(); err != nil {
			return fmt.Errorf("stage %s failed, see above: %w", stage, err)
		}
	}
	if _, err := os.Stat(filepath.Join(initial, needNetwork)); err == nil {
		return errors.New("the document refers to something on the network: a container guest has none that early")
	}
	if err := unix.Unmount(initial, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return os.WriteFile(s.ignited(), nil, 0o600)
}

// withoutDocument passes Ignition's log on until it prints the whole document, as it does when it fails: documents hold keys.
type withoutDocument struct {
	w    io.Writer
	line []byte
	over bool
}

func (o *withoutDocument) Write(text []byte) (int, error) {
	o.line = append(o.line, text...)
	for {
		end := bytes.IndexByte(o.line, '\n')
		if end < 0 || o.over {
			return len(text), nil
		}
		line := o.line[:end+1]
		if bytes.Contains(line, []byte("Full config:")) {
			o.over, line = true, []byte("olvmsim: the document that Ignition prints here is left out\n")
		}
		if _, err := o.w.Write(line); err != nil {
			return 0, err
		}
		o.line = o.line[end+1:]
	}
}

// dropCapabilities takes away what would change the machine instead of the guest: its clock and its kernel.
func dropCapabilities() error {
	for _, capability := range []uintptr{unix.CAP_SYS_TIME, unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO, unix.CAP_WAKE_ALARM} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
