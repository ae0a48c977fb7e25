package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// stateVersion is that of the format; a file of another one is refused.
const stateVersion = 1

// state is everything that an engine holds, for a file.
type state struct {
	Version               int
	Now                   time.Time
	IDs, CallIDs, Chances []byte
	EventSeq, MACSeq      int
	MaxVMName             int

	DataCenters    []DataCenter
	Clusters       []Cluster
	Hosts          []Host
	Networks       []Network
	Profiles       []VNICProfile
	StorageDomains []savedDomain
	Quotas         map[string]int64
	NamedQuotas    []Quota

	Templates map[string]*Template
	VMs       map[string]savedVM
	Disks     map[string]*Disk
	NameLocks map[string]bool
	Jobs      []*Job
	Transfers []savedTransfer

	Users       []User
	Roles       []Role
	Permissions []Permission
	Events      []Event

	Tags           map[string]*Tag
	AffinityGroups map[string]*AffinityGroup
	AffinityLabels map[string]*AffinityLabel
	AffinityLocks  map[string]bool
	Behaviours     []savedBehaviour
	StuckDisks     []string
	Orphans        map[string]string
	// Boots are what the VMs booted with whose power is on.
	Boots map[string]Boot
}

type savedDomain struct {
	Domain   StorageDomain
	Capacity int64
}

type savedVM struct {
	VM          *VM
	Run         int
	WaitingBoot *Boot `json:"PausedBoot"`
	Previewed   *Hardware
}

type savedTransfer struct {
	Transfer *Transfer
	JobID    string
	Moved    Spans
	Extended time.Time
}

type savedBehaviour struct {
	Pattern   string
	Behaviour GuestBehaviour
}

// poweredVMs remembers what VMs booted with, for the state of an engine.
type poweredVMs struct {
	Power
	boots map[string]Boot
}

func (p *poweredVMs) On(b Boot) {
	p.boots[b.VMID] = b
	p.Power.On(b)
}

func (p *poweredVMs) Off(vmID string) {
	delete(p.boots, vmID)
	p.Power.Off(vmID)
}

// Save writes everything that the engine holds, for Load.
func (e *Engine) Save(w io.Writer) error {
	e.mu.Lock()
	raw, err := e.encode()
	e.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}

func (e *Engine) encode() ([]byte, error) {
	s := state{
		Version: stateVersion, Now: e.timeline.now(), EventSeq: e.eventSeq, MACSeq: e.macSeq, MaxVMName: e.maxVMName,
		DataCenters: e.dataCenters, Clusters: e.clusters, Hosts: e.hosts, Networks: e.networks, Profiles: e.profiles, Quotas: e.store.quotas,
		NamedQuotas: e.store.named,
		Templates:   e.templates, VMs: map[string]savedVM{}, Disks: e.disks, NameLocks: e.nameLocks, Jobs: e.jobs.order,
		Users: e.users, Roles: e.roles, Permissions: e.permissions, Events: e.events,
		Tags: e.tags, AffinityGroups: e.affinityGroups, AffinityLabels: e.affinityLabels, AffinityLocks: e.affinityLocks,
		StuckDisks: e.disturb.stuck, Orphans: e.disturb.orphans,
	}
	for _, sd := range e.storageDomains {
		s.StorageDomains = append(s.StorageDomains, savedDomain{sd, sd.capacity})
	}
	for id, v := range e.vms {
		s.VMs[id] = savedVM{v, v.run, v.waitingBoot, v.previewed}
	}
	for _, t := range e.store.transfers {
		moved := t.moved
		if t.TicketID != "" {
			moved = e.images().Progress(t.TicketID).Moved
		}
		s.Transfers = append(s.Transfers, savedTransfer{t, t.job.ID, moved, t.extended})
	}
	for _, b := range e.behaviours {
		s.Behaviours = append(s.Behaviours, savedBehaviour{b.pattern, b.GuestBehaviour})
	}
	if p, ok := e.power.(*poweredVMs); ok {
		s.Boots = p.boots
	}
	for stream, target := range map[*rand.ChaCha8]*[]byte{e.ids: &s.IDs, e.callIDs: &s.CallIDs, e.chances: &s.Chances} {
		var err error
		if *target, err = stream.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(s)
}

// Load returns an engine that holds what Save wrote. Its clock goes on where that one stopped, and what was under way goes
// on as after a restart: commands end soon, transfers wait for their clients to resume them, and the guests of VMs that run
// boot again. The seed of the options does not count.
func Load(r io.Reader, options Options, power Power) (*Engine, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	e, s, err := decode(raw, options, power)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resume(s.Boots)
	return e, nil
}

// Frozen is a copy of the engine as it is now, in which nothing happens any more.
func (e *Engine) Frozen() (*Engine, error) {
	e.mu.Lock()
	raw, err := e.encode()
	reporter := e.reporter
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	frozen, _, err := decode(raw, Options{Stepped: true}, dark{})
	if err != nil {
		return nil, err
	}
	frozen.reporter = reporter
	return frozen, nil
}

// dark is the Power of an engine whose VMs are never switched.
type dark struct{}

func (dark) On(Boot)              {}
func (dark) Off(string)           {}
func (dark) Shutdown(string) bool { return false }
func (dark) Removed(string)       {}

func decode(raw []byte, options Options, power Power) (*Engine, *state, error) {
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, nil, err
	}
	if s.Version != stateVersion {
		return nil, nil, fmt.Errorf("the state is of version %d, this program reads version %d", s.Version, stateVersion)
	}
	options.Start = s.Now
	e := newEngine(options, power)
	for stream, bytes := range map[*rand.ChaCha8][]byte{e.ids: s.IDs, e.callIDs: s.CallIDs, e.chances: s.Chances} {
		if err := stream.UnmarshalBinary(bytes); err != nil {
			return nil, nil, err
		}
	}
	e.eventSeq, e.macSeq, e.maxVMName = s.EventSeq, s.MACSeq, s.MaxVMName
	e.dataCenters, e.clusters, e.hosts, e.networks, e.profiles = s.DataCenters, s.Clusters, s.Hosts, s.Networks, s.Profiles
	e.users, e.roles, e.permissions, e.events = s.Users, s.Roles, s.Permissions, s.Events
	e.tags, e.affinityGroups, e.affinityLabels, e.affinityLocks = s.Tags, s.AffinityGroups, s.AffinityLabels, s.AffinityLocks
	e.disturb.stuck, e.disturb.orphans, e.store.quotas, e.store.named = s.StuckDisks, s.Orphans, s.Quotas, s.NamedQuotas
	e.fill(&s)
	return e, &s, nil
}

// fill takes over what is kept in another shape than the engine's.
func (e *Engine) fill(s *state) {
	for id, t := range s.Templates {
		e.templates[id] = t
	}
	for id, d := range s.Disks {
		e.disks[id] = d
	}
	for name := range s.NameLocks {
		e.nameLocks[name] = true
	}
	for id, saved := range s.VMs {
		saved.VM.run, saved.VM.waitingBoot, saved.VM.previewed = saved.Run, saved.WaitingBoot, saved.Previewed
		e.vms[id] = saved.VM
	}
	for _, saved := range s.StorageDomains {
		saved.Domain.capacity = saved.Capacity
		e.storageDomains = append(e.storageDomains, saved.Domain)
	}
	e.jobs.byID, e.jobs.order = map[string]*Job{}, s.Jobs
	for _, j := range s.Jobs {
		e.jobs.byID[j.ID] = j
	}
	for _, saved := range s.Transfers {
		t := saved.Transfer
		t.job, t.moved, t.extended = e.jobs.byID[saved.JobID], saved.Moved, saved.Extended
		if t.job == nil {
			t.job = &Job{ID: saved.JobID} // it ended so long ago that nobody remembers it
		}
		e.store.transfers = append(e.store.transfers, t)
	}
	for _, b := range s.Behaviours {
		e.behaviours = append(e.behaviours, namedBehaviour{b.Pattern, b.Behaviour})
	}
}

// startedJob says whether a job of that description runs.
func (e *Engine) startedJob(format string, args ...any) bool {
	description := fmt.Sprintf(format, args...)
	return slices.ContainsFunc(e.jobs.order, func(j *Job) bool { return j.Status == JobStarted && j.Description == description })
}
