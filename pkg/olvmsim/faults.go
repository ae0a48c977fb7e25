package olvmsim

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"
)

// Duration is a time.Duration that files and bodies spell as in "1m30s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 30s or 5m", text)
	}
	*d = Duration(parsed)
	return nil
}

// Match says which calls are meant; what is left out does not matter. Patterns are those of path.Match.
type Match struct {
	// Method is such as POST.
	Method string `json:"method,omitempty"`
	// Path is below the API's root, such as vms/*/start: a * stands for one part, ** at the end for any number. Several are
	// separated by |. Outside of the API it is the whole path, such as /ovirt-engine/sso/oauth/token.
	Path string `json:"path,omitempty"`
	// User is a pattern of the caller's name.
	User string `json:"user,omitempty"`
	// VM is a pattern of the name of the VM that the call is about, also of one that it is to create.
	VM string `json:"vm,omitempty"`
	// Body is a part of the request's body.
	Body string `json:"body,omitempty"`
	// Status is the reply's. It counts calls that were answered and has no meaning for faults.
	Status int `json:"status,omitempty"`
}

// matched is a call that a Match is held against.
type matched struct {
	method, pattern, path, user, vm, body string
	status                                int
}

func (m Match) empty() bool { return m == Match{} }

func (m Match) matches(c matched) bool {
	fits := func(pattern, text string) bool {
		ok, err := path.Match(pattern, text)
		return pattern == "" || err == nil && ok
	}
	return (m.Method == "" || strings.EqualFold(m.Method, c.method)) && m.matchesPath(c) && fits(m.User, c.user) && fits(m.VM, c.vm) &&
		strings.Contains(c.body, m.Body) && (m.Status == 0 || m.Status == c.status)
}

func (m Match) matchesPath(c matched) bool {
	if m.Path == "" {
		// What is not said of the path means the API, not the sign-on: a caller without a token makes no calls.
		return !strings.HasPrefix(c.path, "/")
	}
	for _, pattern := range strings.Split(m.Path, "|") {
		if matchPath(pattern, c.path) || matchPath(pattern, c.pattern) {
			return true
		}
	}
	return false
}

func matchPath(pattern, text string) bool {
	want, have := strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(strings.Trim(text, "/"), "/")
	for i, w := range want {
		if w == "**" && i == len(want)-1 {
			return true
		}
		if i >= len(have) {
			return false
		}
		if ok, err := path.Match(w, have[i]); w != have[i] && (err != nil || !ok) {
			return false
		}
	}
	return len(want) == len(have)
}

// check refuses patterns that match nothing by a mistake.
func (m Match) check() error {
	for _, pattern := range []string{m.Path, m.User, m.VM} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	return nil
}

// Fault is something that goes wrong: with calls that match, or, where the match is empty, with the installation at once.
type Fault struct {
	// ID is given by the simulator.
	ID    string `json:"id,omitempty"`
	Match Match  `json:"match,omitzero"`
	// After is how many matching calls pass before the first one that is hit.
	After int `json:"after,omitempty"`
	// Count is how many calls are hit; 0 means all.
	Count int `json:"count,omitempty"`
	// Probability is the chance of a call to be hit, greater than 0 and up to 1, by the seed; 0 means 1.
	Probability float64 `json:"probability,omitempty"`
	Effect      Effect  `json:"effect"`
	// Seen is how many calls matched, Hits how many were hit. The simulator counts.
	Seen int `json:"seen,omitempty"`
	Hits int `json:"hits,omitempty"`
}

// Effect is what goes wrong. The kind says which of the other fields count.
type Effect struct {
	Kind Kind `json:"kind"`
	// Delay is the latency in real time; otherwise engine time: until the commit, until a VM is up beside the usual time, or
	// how long the engine is down.
	Delay Duration `json:"delay,omitempty"`
	// Factor is for slow-boot, instead of Delay: how many times the usual minute VMs need until they are up.
	Factor float64 `json:"factor,omitempty"`
	// Detail replaces the words of a refusal.
	Detail string `json:"detail,omitempty"`
	// Share is how much of a list is missing, greater than 0 and up to 1; 0 means one half.
	Share float64 `json:"share,omitempty"`
	// VM is a VM's name, in slow-boot, never-up and launch-fails a pattern; default: the VM of the call, with a pattern all VMs.
	VM string `json:"vm,omitempty"`
	// NewName is for vm-renamed.
	NewName string `json:"newName,omitempty"`
	// Host is for host-down.
	Host string `json:"host,omitempty"`
	// Migrate says in host-down that the VMs are moved to other hosts; otherwise they are killed.
	Migrate bool `json:"migrate,omitempty"`
	// StorageDomain is for storage-full.
	StorageDomain string `json:"storageDomain,omitempty"`
	// AvailableBytes is what storage-full leaves.
	AvailableBytes int64 `json:"availableBytes,omitempty"`
	// Disk is a pattern of the aliases of disks; default: all.
	Disk string `json:"disk,omitempty"`
	// Refuse makes a restarting engine close connections; otherwise calls are answered with 503.
	Refuse bool `json:"refuse,omitempty"`
}

// Kind is a kind of Effect.
type Kind string

// Kinds of effects on calls.
const (
	Latency        Kind = "latency"
	Unauthorized   Kind = "unauthorized"
	Forbidden      Kind = "forbidden"
	Locked         Kind = "locked"
	InternalError  Kind = "internal-error"
	Unavailable    Kind = "unavailable"
	DropBefore     Kind = "drop-before-commit"
	DropAfter      Kind = "drop-after-commit"
	DropDelayed    Kind = "drop-delayed-commit"
	PartialList    Kind = "partial-list"
	StaleList      Kind = "stale-list"
	QuotaExceeded  Kind = "quota-exceeded"
	AffinityUnmet  Kind = "affinity-unmet"
	SlowBoot       Kind = "slow-boot"
	NeverUp        Kind = "never-up"
	LaunchFails    Kind = "launch-fails"
	GuestHangs     Kind = "guest-hangs"
	DiskLocked     Kind = "disk-locked"
	TransferPaused Kind = "transfer-paused"
	EngineRestart  Kind = "engine-restart"
	HostDown       Kind = "host-down"
	StorageFull    Kind = "storage-full"
	VMPoweredOff   Kind = "vm-powered-off"
	VMRemoved      Kind = "vm-removed"
	VMRenamed      Kind = "vm-renamed"
)

// Kinds lists all kinds of effects with what they do.
func Kinds() []KindHelp {
	return []KindHelp{
		{Latency, "the answer takes --delay of real time longer"},
		{Unauthorized, "401: the engine has forgotten the token"},
		{Forbidden, "403: the user lacks a permit"},
		{Locked, "409: the object is locked, or --detail"},
		{InternalError, "500: Internal Engine Error, or --detail"},
		{Unavailable, "503, as by the web server in front of an engine that starts"},
		{DropBefore, "the connection drops and nothing is done"},
		{DropAfter, "the connection drops after the call was carried out"},
		{DropDelayed, "the connection drops at once and the call is carried out --delay later"},
		{PartialList, "lists lack some objects, --share of them (default: half)"},
		{StaleList, "answers are those of the moment when the fault was added"},
		{QuotaExceeded, "409: the quota is exceeded; default calls: POST of VMs and disks"},
		{AffinityUnmet, "409: no host meets the affinity rules; default calls: starts of VMs"},
		{SlowBoot, "VMs (--vm pattern) need --delay more, or --factor times as long, until they are up"},
		{NeverUp, "VMs (--vm pattern) stay powering up"},
		{LaunchFails, "hosts accept VMs (--vm pattern), and cannot run them"},
		{GuestHangs, "nothing runs inside VMs that are switched on"},
		{DiskLocked, "disks (--disk pattern) are locked and stay so"},
		{TransferPaused, "the engine pauses image transfers (--disk pattern)"},
		{EngineRestart, "all sessions are gone; no service for --delay: 503, or with --refuse closed connections"},
		{HostDown, "--host goes down: its VMs are killed, or with --migrate moved"},
		{StorageFull, "--storage-domain has --available bytes left (default 0)"},
		{VMPoweredOff, "somebody else switches --vm off"},
		{VMRemoved, "somebody else removes --vm with its disks"},
		{VMRenamed, "somebody else renames --vm to --new-name"},
	}
}

// KindHelp describes a Kind.
type KindHelp struct {
	Kind Kind
	Help string
}

// onCalls says whether the effect is on the answers of calls, not on the installation.
func (k Kind) onCalls() bool {
	switch k {
	case Latency, Unauthorized, Forbidden, Locked, InternalError, Unavailable, DropBefore, DropAfter, DropDelayed, PartialList, StaleList,
		QuotaExceeded, AffinityUnmet:
		return true
	}
	return false
}

// check refuses a fault that says too little or what makes no sense.
func (f Fault) check() error {
	known := false
	for _, k := range Kinds() {
		known = known || k.Kind == f.Effect.Kind
	}
	e := f.Effect
	switch {
	case !known:
		return fmt.Errorf("effect kind %q is not known", e.Kind)
	case f.After < 0 || f.Count < 0:
		return fmt.Errorf("after and count must not be negative")
	case f.Probability < 0 || f.Probability > 1 || e.Share < 0 || e.Share > 1:
		return fmt.Errorf("probability and share must be between 0 and 1")
	case f.Match.Status != 0:
		return fmt.Errorf("match.status: a call has no status before it is answered")
	case e.Delay < 0 || e.AvailableBytes < 0:
		return fmt.Errorf("delay and availableBytes must not be negative")
	case (e.Kind == Latency || e.Kind == DropDelayed) && e.Delay == 0:
		return fmt.Errorf("%s needs a delay", e.Kind)
	case e.Kind == SlowBoot && e.Delay == 0 && e.Factor <= 1:
		return fmt.Errorf("%s needs a delay, or a factor greater than 1", e.Kind)
	case e.Kind == HostDown && e.Host == "":
		return fmt.Errorf("%s needs a host", e.Kind)
	case e.Kind == StorageFull && e.StorageDomain == "":
		return fmt.Errorf("%s needs a storageDomain", e.Kind)
	case e.Kind == VMRenamed && e.NewName == "":
		return fmt.Errorf("%s needs a newName", e.Kind)
	case (e.Kind == VMPoweredOff || e.Kind == VMRemoved || e.Kind == VMRenamed) && e.VM == "" && f.Match.empty():
		return fmt.Errorf("%s needs a vm, or calls to match that are about one", e.Kind)
	}
	for _, pattern := range []string{e.VM, e.Disk} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	return f.Match.check()
}

// String is the fault in one line.
func (f Fault) String() string {
	text, _ := json.Marshal(f) // plain values
	return string(text)
}
