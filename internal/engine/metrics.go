package engine

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Metrics returns an observer that counts and times every request to an engine as olvm_engine_request_duration_seconds, by
// operation and HTTP status code (0: no reply).
func Metrics(registry prometheus.Registerer) (func(ovirt.Call), error) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "olvm_engine_request_duration_seconds",
		Help:    "Duration of requests to the engine, by operation and HTTP status code.",
		Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
	}, []string{"operation", "code"})
	if err := registry.Register(seconds); err != nil {
		var already prometheus.AlreadyRegisteredError
		if !errors.As(err, &already) {
			return nil, err
		}
		seconds = already.ExistingCollector.(*prometheus.HistogramVec)
	}
	return func(c ovirt.Call) {
		seconds.WithLabelValues(c.Operation, strconv.Itoa(c.Status)).Observe(c.Duration.Seconds())
	}, nil
}
