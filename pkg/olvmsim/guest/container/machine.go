//go:build linux

package container

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// poweroffSignal makes systemd power the machine off, as the ACPI power button would: SIGRTMIN+4 of systemd(1), where SIGRTMIN is 34.
const poweroffSignal = unix.Signal(34 + 4)

// machine is one VM.
type machine struct {
	guests *Guests
	// dir is the disk: the upper directory of the overlay, and directories for what must not be on an overlay.
	dir string

	mu  sync.Mutex
	run *run // nil while the power is off
}

// run is the time from power-on to power-off.
type run struct {
	vm     olvmsim.GuestVM
	groups []string
	cancel context.CancelFunc
	done   chan struct{}
	booted chan error // gets one value

	mu      sync.Mutex
	process *os.Process // PID 1 of the guest; nil before and after
}

func (m *machine) start(ctx context.Context, vm olvmsim.GuestVM) error {
	m.mu.Lock()
	if m.run != nil {
		m.mu.Unlock()
		return errors.New("it is running")
	}
	ctx, cancel := context.WithCancel(ctx)
	name := m.guests.mark.group() + "/" + vm.ID
	r := &run{
		vm: vm, groups: groupDirs(m.guests.hierarchies, name), cancel: cancel, done: make(chan struct{}), booted: make(chan error, 1),
	}
	m.run = r
	m.mu.Unlock()
	go func() { // stop ends it and waits for it
		defer close(r.done)
		m.live(ctx, r, name)
	}()
	return <-r.booted
}

// live boots the guest, and again when it reboots, until it halts or the power is taken away.
func (m *machine) live(ctx context.Context, r *run, groups string) {
	for {
		how, err := m.boot(ctx, r, groups)
		switch {
		case ctx.Err() != nil:
			r.report(ctx.Err())
			return
		case err != nil:
			r.report(err)
			return // the VM stays up and does nothing
		case how == syscall.SIGHUP: // what reboot(2) does to PID 1 of a namespace
			continue
		}
		if r.vm.Halted != nil {
			r.vm.Halted()
		}
		return
	}
}

// report tells start how the first boot went; later calls are not heard.
func (r *run) report(err error) {
	select {
	case r.booted <- err:
	default:
	}
}

// boot runs the guest once and returns the signal that ended PID 1. An error means that it did not come as far as systemd.
func (m *machine) boot(ctx context.Context, r *run, groups string) (how syscall.Signal, err error) {
	s, err := m.specification(r.vm)
	if err != nil {
		return 0, err
	}
	defer func() {
		m.guests.segment.unplug(r.vm)
		err = errors.Join(err, removeGroups(r.groups))
	}()
	if err := makeGroups(m.guests.hierarchies, groups); err != nil {
		return 0, err
	}
	tty, err := openConsole(r.vm.Console)
	if err != nil {
		return 0, err
	}
	defer tty.close()
	if text := tooManyNodes(inotifySetting, m.guests.runningMachines()); text != "" && r.vm.Console != nil {
		_, _ = r.vm.Console.Write([]byte(text)) // a console that cannot be written does not keep a machine from booting
	}
	c, err := m.guests.launch(tty.guest)
	if err != nil {
		return 0, err
	}
	r.set(c.command.Process)
	stop := context.AfterFunc(ctx, c.kill)
	defer func() {
		how = c.end()
		r.set(nil)
		stop()
	}()
	if err := c.prepare(r, m.guests.segment, s); err != nil {
		c.kill()
		return 0, err
	}
	if err := m.tell(r.vm.Name, c.command.Process.Pid); err != nil {
		c.kill()
		return 0, err
	}
	if err := c.waitForSystemd(); err != nil {
		return 0, err
	}
	r.report(nil)
	return 0, nil
}

// specification makes the disk's directories at the first start.
func (m *machine) specification(vm olvmsim.GuestVM) (Specification, error) {
	layers, err := m.guests.options.Image.layers(vm.KubernetesVersion)
	if err != nil {
		return Specification{}, err
	}
	s := Specification{VMID: vm.ID, Dir: m.dir, Layers: layers, Initial: m.guests.options.Image.root(), NICs: len(vm.MACs)}
	for _, dir := range s.directories() {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // directories of a machine's root, below a private one
			return Specification{}, fmt.Errorf("make disk: %w", err)
		}
	}
	for _, h := range m.guests.hierarchies {
		s.Hierarchies = append(s.Hierarchies, h.Name)
	}
	if _, err := os.Stat(s.ignited()); errors.Is(err, fs.ErrNotExist) {
		s.UserData, s.MetaData, s.NetworkData = vm.UserData, vm.MetaData, vm.NetworkData
	}
	return s, nil
}

// Running is what a VM's directory tells about it while it runs.
type Running struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

const runningFile = "running.json"

func (m *machine) tell(name string, pid int) error {
	raw, err := json.Marshal(Running{Name: name, PID: pid})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir, runningFile), raw, 0o600)
}

func (m *machine) shutdown() {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		_ = r.process.Signal(poweroffSignal) // it may have ended
	}
}

func (m *machine) stop() {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return
	}
	r.cancel()
	<-r.done
	_ = os.Remove(filepath.Join(m.dir, runningFile)) // it is not there when the guest did not come that far
	m.mu.Lock()
	m.run = nil
	m.mu.Unlock()
}

// pid is that of the guest's PID 1 as this process sees it; 0 while there is none.
func (m *machine) pid() int {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return 0
	}
	return r.process.Pid
}

func (r *run) set(process *os.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process = process
}

// child is a guest's first process: Boot, and later systemd.
type child struct {
	command *exec.Cmd
	// orders takes the specification, results says when Boot hands over to systemd.
	orders, results *os.File
	killed          sync.Once
}

// launch starts a process that waits for its specification, in new namespaces but the one for cgroups: that one is made when it is in its
// groups.
func (g *Guests) launch(tty *os.File) (*child, error) {
	theirOrders, orders, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	results, theirResults, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("launch: %w", err), theirOrders.Close(), orders.Close())
	}
	command := exec.CommandContext(context.Background(), g.options.Program[0], g.options.Program[1:]...) // kill ends it, in order
	command.Stdin, command.Stdout, command.Stderr = tty, tty, tty
	command.ExtraFiles = []*os.File{theirOrders, theirResults}
	command.Env = []string{}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL, Setsid: true, Setctty: true,
	}
	err = g.launcher.start(command)
	_, _ = theirOrders.Close(), theirResults.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("launch: %w", err), orders.Close(), results.Close())
	}
	return &child{command: command, orders: orders, results: results}, nil
}

// prepare gives the process its groups and NICs, and lets it go on.
func (c *child) prepare(r *run, segment *segment, s Specification) error {
	pid := c.command.Process.Pid
	if err := enterGroups(r.groups, pid); err != nil {
		return err
	}
	if err := segment.plug(r.vm, pid); err != nil {
		return err
	}
	if err := json.NewEncoder(c.orders).Encode(s); err != nil {
		return fmt.Errorf("hand over the specification: %w", err)
	}
	return c.orders.Close()
}

// waitForSystemd returns when Boot is about to become systemd, or with what it says it failed with.
func (c *child) waitForSystemd() error {
	line, _ := bufio.NewReader(c.results).ReadString('\n')
	switch line = strings.TrimSpace(line); line {
	case handedOver:
		return nil
	case "":
		return errors.New("its first process was killed")
	default:
		return errors.New(line)
	}
}

func (c *child) kill() { c.killed.Do(func() { _ = c.command.Process.Kill() }) } // it may have ended

// end waits for the end of the process, and with it of everything in its namespace.
func (c *child) end() syscall.Signal {
	_ = c.command.Wait()
	_, _ = c.orders.Close(), c.results.Close()
	if status, ok := c.command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}
