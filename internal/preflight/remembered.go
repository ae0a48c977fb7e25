package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// remembered is how long findings are taken for granted: all machines of a place share them.
	remembered = 2 * time.Minute
	// failureRemembered is how long nobody asks again an engine that did not answer: waiting for it takes half a minute.
	failureRemembered = 10 * time.Second
)

// Memory keeps what was found of the surroundings of machines, so that a thousand alike machines ask once. Its zero value is empty.
type Memory struct {
	mu     sync.Mutex
	places map[memoryKey]*memory
}

type memoryKey struct {
	engine     *ovirt.Client
	subjects   Subjects
	dataCenter string
	cluster    string
	network    string
	profile    string
	template   string
	nic        string
	nics       string // the additional ones
	shape      Shape
	holdsVIP   bool
	disks      string
	hosts      string
	labels     string
	format     string
	// of a whole cluster: who asks, and for which virtual IP
	owner     string
	virtualIP netip.Addr
}

type memory struct {
	asking   chan struct{} // held by whoever asks the engine, so that others wait for the answer
	until    time.Time
	findings []Finding
	err      error
}

// Machines is Machines for one group, asked once in a while.
func (m *Memory) Machines(ctx context.Context, engine *ovirt.Client, w Wanted, g Group) ([]Finding, error) {
	w.Groups = []Group{g}
	return m.recall(ctx, memoryKey{
		engine: engine, subjects: w.Subjects, dataCenter: w.DataCenter, cluster: g.Cluster, network: g.Network, profile: g.VNICProfile,
		template: g.Template, nic: g.NIC, nics: fmt.Sprint(g.AdditionalNICs), shape: g.Shape, holdsVIP: g.HoldsVirtualIP, format: g.Format,
		disks: fmt.Sprintf("%+v", g.Disks), hosts: strings.Join(g.Hosts, "\n"), labels: strings.Join(g.AffinityLabels, "\n"),
	}, func() ([]Finding, error) { return Machines(ctx, engine, w) })
}

// Infrastructure is Infrastructure, asked once in a while.
func (m *Memory) Infrastructure(ctx context.Context, engine *ovirt.Client, w Wanted, vms []ovirt.VM) ([]Finding, error) {
	return m.recall(ctx, memoryKey{engine: engine, subjects: w.Subjects, dataCenter: w.DataCenter, owner: w.Owner, virtualIP: w.VirtualIP},
		func() ([]Finding, error) { return Infrastructure(ctx, engine, w, vms) })
}

// recall returns what is remembered, or asks.
func (m *Memory) recall(ctx context.Context, key memoryKey, ask func() ([]Finding, error)) ([]Finding, error) {
	known := m.of(key)
	select {
	case known.asking <- struct{}{}:
		defer func() { <-known.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if time.Now().Before(known.until) {
		return known.findings, known.err
	}
	findings, err := ask()
	switch {
	case ctx.Err() != nil: // tells nothing about the engine
		return nil, err
	case err != nil:
		known.findings, known.err, known.until = nil, err, time.Now().Add(failureRemembered)
	default:
		known.findings, known.err, known.until = findings, nil, time.Now().Add(remembered)
	}
	return known.findings, known.err
}

// of returns what is kept of a place, and drops what is old.
func (m *Memory) of(key memoryKey) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.places == nil {
		m.places = map[memoryKey]*memory{}
	}
	if m.places[key] == nil {
		m.forgetOld()
		m.places[key] = &memory{asking: make(chan struct{}, 1)}
	}
	return m.places[key]
}

func (m *Memory) forgetOld() {
	for key, place := range m.places {
		select {
		case place.asking <- struct{}{}:
			if time.Since(place.until) > remembered {
				delete(m.places, key)
			}
			<-place.asking
		default: // in use
		}
	}
}

// Reason is the check as the reason of a condition: vnic-profile is VNICProfile.
func (c Check) Reason() string {
	var b strings.Builder
	for word := range strings.SplitSeq(string(c), "-") {
		switch word {
		case "vnic", "ip":
			b.WriteString(strings.ToUpper(word))
		default:
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// Summary is all findings on one line, for the message of a condition.
func Summary(findings []Finding) string {
	lines := make([]string, 0, len(findings))
	for _, f := range findings {
		lines = append(lines, strings.TrimSuffix(f.String(), ".")+". "+f.Next)
	}
	return strings.Join(lines, " ")
}
