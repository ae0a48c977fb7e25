package engine

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Metrics of the requests to engines, and of what is known of them. It is a prometheus.Collector.
type Metrics struct {
	engines  *Engines
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	age      *prometheus.Desc
	up       *prometheus.Desc
}

// Measure makes the metrics of the given engines, and makes the engines tell about their requests; call it before the first use.
func Measure(engines *Engines) *Metrics {
	m := &Metrics{
		engines: engines,
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "olvm_engine_request_duration_seconds",
			Help:    "Duration of requests to engines, by operation and HTTP status code (0: no reply). The count is the number of requests.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "olvm_engine_requests_in_flight",
			Help: "Requests to engines that were sent and have not been answered yet.",
		}),
		age: prometheus.NewDesc("olvm_inventory_age_seconds",
			"Seconds since the newest list of VMs of an engine was asked for.", []string{"engine", "user"}, nil),
		up: prometheus.NewDesc("olvm_engine_up",
			"1 while an engine is asked, 0 while it is left alone because it did not answer or refused the credentials.", []string{"engine", "user"}, nil),
	}
	engines.Sent = m.inFlight.Inc
	engines.Observe = func(c ovirt.Call) {
		m.inFlight.Dec()
		m.seconds.WithLabelValues(c.Operation, strconv.Itoa(c.Status)).Observe(c.Duration.Seconds())
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	m.seconds.Describe(descriptions)
	m.inFlight.Describe(descriptions)
	descriptions <- m.age
	descriptions <- m.up
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	m.seconds.Collect(metrics)
	m.inFlight.Collect(metrics)
	m.engines.EachAccount(func(e *Engine, url, user string) {
		up := 1.0
		if e.Down() != nil {
			up = 0
		}
		metrics <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, up, url, user)
		if listed := e.Listed(); listed != nil {
			metrics <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(listed.Started).Seconds(), url, user)
		}
	})
}
