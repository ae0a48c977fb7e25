package olvmmachine

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Phases measures how long machines stay in each phase, which is the reason of the condition VMReady. It is a prometheus.Collector.
type Phases struct {
	seconds *prometheus.HistogramVec

	mu    sync.Mutex
	since map[types.UID]phase
}

type phase struct {
	name  string
	began time.Time
}

// NewPhases returns an empty measurement.
func NewPhases() *Phases {
	return &Phases{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "olvm_machine_phase_seconds",
			Help:    "How long machines stayed in a phase (the reason of the condition VMReady) before they went on to the next one.",
			Buckets: []float64{0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600},
		}, []string{"phase"}),
		since: map[types.UID]phase{},
	}
}

// Describe implements prometheus.Collector.
func (p *Phases) Describe(descriptions chan<- *prometheus.Desc) { p.seconds.Describe(descriptions) }

// Collect implements prometheus.Collector.
func (p *Phases) Collect(metrics chan<- prometheus.Metric) { p.seconds.Collect(metrics) }

// saw is told of every look at a machine. What a machine was in before this process began is not measured.
func (p *Phases) saw(uid types.UID, name string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	current, known := p.since[uid]
	if known && current.name == name {
		return
	}
	if known {
		p.seconds.WithLabelValues(current.name).Observe(now.Sub(current.began).Seconds())
	}
	p.since[uid] = phase{name: name, began: now}
}

func (p *Phases) forget(uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.since, uid)
}
