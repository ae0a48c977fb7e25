package preflight

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// remembered is how long findings are taken for granted: all machines of a place share them.
const remembered = 2 * time.Minute

// Memory keeps what was found of the surroundings of machines, so that a thousand alike machines ask once. Its zero value is empty.
type Memory struct {
	mu     sync.Mutex
	places map[memoryKey]*memory
}

type memoryKey struct {
	engine     *ovirt.Client
	dataCenter string
	cluster    string
	network    string
	profile    string
	template   string
	nic        string
	holdsVIP   bool
}

type memory struct {
	mu       sync.Mutex // held while the engine is asked, so that others wait for the answer
	until    time.Time
	findings []Finding
}

// Machines is Machines for one group, asked once in a while.
func (m *Memory) Machines(ctx context.Context, engine *ovirt.Client, w Wanted, g Group) ([]Finding, error) {
	known := m.of(memoryKey{engine, w.DataCenter, g.Cluster, g.Network, g.VNICProfile, g.Template, g.NIC, g.HoldsVirtualIP})
	known.mu.Lock()
	defer known.mu.Unlock()
	if time.Now().Before(known.until) {
		return known.findings, nil
	}
	w.Groups = []Group{g}
	findings, err := Machines(ctx, engine, w)
	if err != nil {
		return nil, err
	}
	known.findings, known.until = findings, time.Now().Add(remembered)
	return findings, nil
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
		m.places[key] = &memory{}
	}
	return m.places[key]
}

func (m *Memory) forgetOld() {
	for key, place := range m.places {
		if place.mu.TryLock() {
			if time.Since(place.until) > remembered {
				delete(m.places, key)
			}
			place.mu.Unlock()
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
		lines = append(lines, f.String()+". "+f.Next)
	}
	return strings.Join(lines, "; ")
}
