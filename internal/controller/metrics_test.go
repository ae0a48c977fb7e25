package controller

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/controller/olvmmachine"
	"github.com/ocne-project/ocne/internal/engine"
)

// The page of the metrics names each of them, in the words of its help, and no other.
func TestTheReferenceOfTheMetricsIsThatOfTheCode(t *testing.T) {
	content, err := os.ReadFile("../../docs/reference/metrics.md")
	require.NoError(t, err)
	page := string(content)
	engines := &engine.Engines{}
	described := map[string]bool{}
	pattern := regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)", constLabels: \{\}, variableLabels: \{([^}]*)\}`)
	for _, collector := range []prometheus.Collector{engine.Measure(engines), olvmmachine.NewPhases(), olvmmachine.NewOwnership(engines, nil)} {
		descriptions := make(chan *prometheus.Desc, 100)
		collector.Describe(descriptions)
		close(descriptions)
		for d := range descriptions {
			fields := pattern.FindStringSubmatch(d.String())
			require.NotNil(t, fields, d.String())
			described[fields[1]] = true
			require.Contains(t, page, "- `"+fields[1]+"`: "+fields[2]+"\n")
			for _, label := range regexp.MustCompile(`\w+`).FindAllString(fields[3], -1) {
				require.Regexp(t, "(?m)^\\| `"+fields[1]+"` \\|.*`"+label+"`", page)
			}
		}
	}
	for _, name := range regexp.MustCompile("(?m)^- `(olvm_[a-z_]+)`").FindAllStringSubmatch(page, -1) {
		require.Contains(t, described, name[1])
	}
	require.NotEmpty(t, described)
}
