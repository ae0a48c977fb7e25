// Package libvirtd gives tests a real libvirtd that has its directories, networks, firewall and processes for itself.
package libvirtd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// insideVariable tells the test program where it runs: "init" as the first process of its namespaces, "tests" as the second.
const insideVariable = "OCNE_TEST_LIBVIRT_INSIDE"

// Main runs the tests of a package again in namespaces of their own, where it can: a real libvirtd then has its directories, networks, firewall and
// processes for itself, and all of it ends with this process, whatever ends it.
func Main(m *testing.M) {
	var err error
	status := 1
	switch os.Getenv(insideVariable) {
	case "":
		if Missing() != "" { // the tests that need it skip with the reason
			os.Exit(m.Run())
		}
		status, err = again()
	case "init":
		status, err = first()
	default:
		var stop func()
		if stop, err = furnish(); err == nil {
			status = m.Run()
			stop()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "namespaces of the tests:", err)
	}
	os.Exit(status)
}

// libvirtVariable lets the tests start a real libvirtd, whose guests take minutes.
const libvirtVariable = "OCNE_TEST_LIBVIRT"

// VMImageVariable names the directory of an image with Kubernetes in it.
const VMImageVariable = "OCNE_VM_IMAGE"

// Inside says whether this is where the daemon is.
func Inside() bool { return os.Getenv(insideVariable) != "" }

// Missing says what a real libvirtd needs and this machine does not have.
func Missing() string {
	if os.Getenv(libvirtVariable) == "" {
		return libvirtVariable + " is not set: run make test-libvirt"
	}
	if os.Geteuid() != 0 {
		return "a real libvirtd is started by root only"
	}
	for _, program := range []string{"libvirtd", "virtlogd", "virsh", "qemu-system-x86_64", "qemu-img", "dnsmasq", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is missing (Debian: libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ovmf dnsmasq-base iproute2)"
		}
	}
	return ""
}

// inside is an environment with a new place.
func inside(place string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, insideVariable+"=") })
	return append(kept, insideVariable+"="+place)
}

// again runs this program in new namespaces and returns its exit status.
func again() (int, error) {
	// The death signal is sent when the thread that started the process ends.
	runtime.LockOSThread()
	program := exec.Command("/proc/self/exe", os.Args[1:]...)
	program.Args[0] = os.Args[0]
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	program.Env = inside("init")
	program.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	err := program.Run()
	if program.ProcessState != nil {
		return exitCode(program.ProcessState.ExitCode()), nil
	}
	return 1, err
}

// exitCode is that of a program, which is negative when a signal ended it.
func exitCode(code int) int {
	if code < 0 {
		return 1
	}
	return code
}

// first is the first process of the namespaces. It only starts the tests and takes note of the end of every process that nobody else does:
// libvirtd waits half a minute for each QEMU that has ended and is still there.
func first() (int, error) {
	tests, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{Env: inside("tests"), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 1, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if pid == tests || err != nil && !errors.Is(err, syscall.EINTR) {
			return exitCode(status.ExitStatus()), err
		}
	}
}

// furnish gives libvirtd and QEMU empty directories of their own, and starts libvirtd as systemd would.
func furnish() (stop func(), err error) {
	if err := mountDirectories(); err != nil {
		return nil, err
	}
	var running []*exec.Cmd
	stop = func() {
		for _, p := range running {
			_ = p.Process.Kill() // all ends with the namespaces anyway
			_ = p.Wait()         // it says that it was killed
		}
	}
	for _, name := range []string{"virtlogd", "libvirtd"} {
		log, err := os.Create("/run/" + name + ".log")
		if err != nil {
			return stop, err
		}
		p := exec.Command(name)
		p.Stdout, p.Stderr = log, log
		if err := p.Start(); err != nil {
			return stop, fmt.Errorf("start %s: %w", name, err)
		}
		running = append(running, p)
	}
	return stop, nil
}

func mountDirectories() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, directory := range []string{"/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt", "/sys/fs/cgroup"} {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", directory, err)
		}
	}
	if os.Getenv("OCNE_BOOT_IMAGE") != "" || os.Getenv(VMImageVariable) != "" {
		if err := patientQEMU(); err != nil {
			return err
		}
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("start the loopback interface: %w: %s", err, out)
	}
	// Root in a test is not allowed everything that libvirt does for other users.
	settings := map[string]string{
		"/etc/libvirt/libvirtd.conf": "auth_unix_rw = \"none\"\nlog_filters = \"4:util 4:rpc\"\nlog_outputs = \"4:stderr\"\n",
		"/etc/libvirt/virtlogd.conf": "",
		"/etc/libvirt/qemu.conf": "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\nnamespaces = []\ncgroup_controllers = []\n" +
			"security_driver = \"none\"\nremember_owner = 0\n",
	}
	for file, text := range settings {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// patientQEMU makes the clocks of guests count instructions, so that a busy machine does not let a guest's own deadlines pass.
func patientQEMU() error {
	const program, real, wrapper = "/usr/bin/qemu-system-x86_64", "/run/qemu.real", "/run/qemu.wrapper"
	if err := os.WriteFile(real, nil, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(program, real, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", real, err)
	}
	// It looks for its files beside itself otherwise.
	script := "#!/bin/sh\nexport QEMU_MODULE_DIR=/usr/lib/x86_64-linux-gnu/qemu\nset -- \"$@\" -L /usr/share/qemu -L /usr/share/seabios\n" +
		"case \"$*\" in *guest=*) set -- \"$@\" -icount shift=1;; esac\nexec " + real + " \"$@\"\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(wrapper, 0o755); err != nil {
		return err
	}
	return unix.Mount(wrapper, program, "", unix.MS_BIND, "")
}
