package olvmsim

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// power starts and stops guests on behalf of the engine, which must not wait for them. For one VM the calls are made one
// after the other; the goroutines that make them are waited for by close.
type power struct {
	ctx     context.Context //nolint:containedctx // the lifetime of the guests, not of a call
	guests  Guests
	console string
	log     *slog.Logger
	// engine hears of guests that have halted. It is set when attached is closed: an engine that is loaded switches VMs on before.
	engine   *engine.Engine
	attached chan struct{}

	mu sync.Mutex
	// hang keeps guests of VMs that are switched on from starting.
	hang    bool
	running map[string]*guestRun
	// last is closed when the newest call for the VM has returned.
	last  map[string]chan struct{}
	calls sync.WaitGroup
}

// guestRun is one power cycle.
type guestRun struct {
	cancel context.CancelFunc
	// start is set while the guest hangs: it starts it after all. power.mu guards it.
	start func()
	// console and started are used by the VM's calls only, which follow each other.
	console *os.File
	started bool
}

func newPower(ctx context.Context, guests Guests, console string, log *slog.Logger) *power {
	return &power{
		ctx: ctx, guests: guests, console: console, log: log,
		running: map[string]*guestRun{}, last: map[string]chan struct{}{}, attached: make(chan struct{}),
	}
}

func (p *power) attach(e *engine.Engine) {
	p.engine = e
	close(p.attached)
}

// On implements engine.Power.
func (p *power) On(boot engine.Boot) {
	if p.guests == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithCancel(p.ctx)
	run := &guestRun{cancel: cancel}
	p.running[boot.VMID] = run
	p.enqueue(boot.VMID, func() { p.connectConsole(run, boot) })
	start := func() { p.enqueue(boot.VMID, func() { p.startGuest(ctx, run, boot) }) }
	if !p.hang {
		start()
		return
	}
	run.start = start
	p.enqueue(boot.VMID, func() { _, _ = fmt.Fprintln(run.console, "olvmsim: the guest hangs") })
}

// setHang starts the guests that hang when hang is false.
func (p *power) setHang(hang bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hang = hang
	if hang {
		return
	}
	for _, run := range p.running {
		if run.start != nil {
			run.start()
			run.start = nil
		}
	}
}

// Off implements engine.Power.
func (p *power) Off(vmID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	run, ok := p.running[vmID]
	if !ok {
		return
	}
	delete(p.running, vmID)
	run.cancel()
	p.enqueue(vmID, func() {
		if run.started {
			p.guests.Stop(vmID)
		}
		_ = run.console.Close()
	})
}

// Shutdown implements engine.Power.
func (p *power) Shutdown(vmID string) bool {
	shutdowner, ok := p.guests.(Shutdowner)
	p.mu.Lock()
	defer p.mu.Unlock()
	run := p.running[vmID]
	if !ok || run == nil || run.start != nil {
		return false
	}
	p.enqueue(vmID, func() { shutdowner.Shutdown(vmID) })
	return true
}

// Removed implements engine.Power.
func (p *power) Removed(vmID string) {
	remover, ok := p.guests.(Remover)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.enqueue(vmID, func() { remover.Remove(vmID) })
}

// enqueue makes a call after the VM's earlier ones. p.mu is held.
func (p *power) enqueue(vmID string, call func()) {
	before, done := p.last[vmID], make(chan struct{})
	p.last[vmID] = done
	p.calls.Go(func() {
		if before != nil {
			<-before
		}
		call()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.last[vmID] == done {
			delete(p.last, vmID)
		}
		close(done)
	})
}

func (p *power) connectConsole(run *guestRun, boot engine.Boot) {
	console, err := p.openConsole(boot)
	if err != nil {
		// The guest runs all the same: writes to a nil file fail and nobody misses them.
		p.log.Error("VM has no console log", "vm", boot.Name, "error", err)
	}
	run.console = console
}

func (p *power) startGuest(ctx context.Context, run *guestRun, boot engine.Boot) {
	run.started = true
	err := p.guests.Start(ctx, GuestVM{
		ID: boot.VMID, Name: boot.Name, OSType: boot.OSType, UserData: boot.UserData, MetaData: boot.MetaData, NetworkData: boot.NetworkData,
		KubernetesVersion: boot.KubernetesVersion, MACs: boot.MACs, Networks: boot.Networks, Console: run.console,
		Halted: func() { p.guestHalted(ctx, boot.VMID, run) },
	})
	if err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintf(run.console, "olvmsim: %s did not boot: %s\n", boot.Name, err)
	}
}

// guestHalted tells the engine, unless the power of this run goes first.
func (p *power) guestHalted(ctx context.Context, vmID string, run *guestRun) {
	select {
	case <-p.attached:
		p.engine.GuestHalted(vmID, func() bool { return p.runs(vmID, run) })
	case <-ctx.Done():
	}
}

func (p *power) runs(vmID string, run *guestRun) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[vmID] == run
}

// openConsole appends: a VM's runs follow each other in one log. Names are safe in a path by the engine's rules.
func (p *power) openConsole(boot engine.Boot) (*os.File, error) {
	if err := os.MkdirAll(p.console, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(p.console, boot.Name+"-"+boot.VMID+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// close takes the power from all VMs and waits until nothing runs any more. The engine must have ended before.
func (p *power) close() {
	if p.guests == nil {
		return
	}
	p.mu.Lock()
	ids := make([]string, 0, len(p.running))
	for id := range p.running {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	for _, id := range ids {
		p.Off(id)
	}
	p.calls.Wait()
	p.guests.Close()
}
