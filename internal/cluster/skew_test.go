package cluster

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// ofVersions is a cluster whose control plane machine and worker are of some versions.
func ofVersions(controlPlane, machine, worker string) *snapshot {
	s := running()
	s.controlPlane.Spec.Version = controlPlane
	s.machines[0].Spec.Version = machine
	s.machines[1].Spec.Version, s.workers[0].Spec.Template.Spec.Version = worker, worker
	return &s.snapshot
}

func TestKubernetesRulesForUpgrades(t *testing.T) {
	for name, test := range map[string]struct {
		controlPlane, machine, worker, to string
		refusal                           string // empty: allowed
	}{
		"the same release":                           {"v1.33.10", "v1.33.10", "v1.33.10", "v1.33.10", ""},
		"the next patch release":                     {"v1.33.10", "v1.33.10", "v1.33.10", "v1.33.11", ""},
		"the next minor release":                     {"v1.33.10", "v1.33.10", "v1.33.10", "v1.34.0", ""},
		"two minor releases":                         {"v1.33.10", "v1.33.10", "v1.33.10", "v1.35.1", "Upgrade to a release of 1.34 first."},
		"back to an older patch release":             {"v1.33.10", "v1.33.10", "v1.33.10", "v1.33.9", "cannot go back"},
		"back to an older minor release":             {"v1.33.10", "v1.33.10", "v1.33.10", "v1.32.13", "cannot go back"},
		"an upgrade that goes on":                    {"v1.34.5", "v1.33.10", "v1.33.10", "v1.34.5", ""},
		"a second upgrade while the first goes on":   {"v1.34.5", "v1.33.10", "v1.33.10", "v1.35.1", "Upgrade to a release of 1.34 first."},
		"back while an upgrade goes on":              {"v1.34.5", "v1.33.10", "v1.33.10", "v1.33.10", "cannot go back"},
		"workers that are three minor releases old":  {"v1.34.5", "v1.34.5", "v1.32.13", "v1.35.1", ""},
		"workers that are too old":                   {"v1.34.5", "v1.34.5", "v1.31.14", "v1.35.1", "Bring the workers to the control plane's version"},
		"old workers to the control plane's version": {"v1.34.5", "v1.34.5", "v1.31.14", "v1.34.5", ""},
		"workers that somebody has made too new":     {"v1.33.10", "v1.33.10", "v1.34.5", "v1.33.11", "workers may not be newer"},
		"no version at all":                          {"v1.33.10", "v1.33.10", "v1.33.10", "latest", "version latest of Kubernetes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkSkew(test.to, ofVersions(test.controlPlane, test.machine, test.worker))
			if test.refusal == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			text := err.Error()
			if advised, ok := errors.AsType[*AdvisedError](err); ok {
				text += "\n" + advised.Advice
				require.Contains(t, text, "Nothing was changed.")
			}
			require.Contains(t, text, test.refusal)
		})
	}
}

func TestReleasesAreComparedWithoutWhatDistributionsAdd(t *testing.T) {
	for versions, want := range map[[2]string][2]bool{
		{"v1.34.5+1.el9", "v1.34.5"}: {true, true},
		{"v1.34.4", "v1.34.5"}:       {false, true},
		{"v1.33.5", "v1.34.5"}:       {false, false},
		{"", "v1.34.5"}:              {false, false},
	} {
		same, sameMinor := compareReleases(versions[0], versions[1])
		require.Equal(t, want, [2]bool{same, sameMinor}, "%v", versions)
	}
}
