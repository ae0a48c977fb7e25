package cluster

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// kubeletSkew is how many minor releases a kubelet may be older than the API server:
// https://kubernetes.io/releases/version-skew-policy/#kubelet
const kubeletSkew = 3

// checkSkew says whether a cluster may be brought to a Kubernetes version, by Kubernetes' rules: control planes go up, one minor release at
// a time, and no worker is newer than the control plane, nor too old for it.
func checkSkew(to string, s *snapshot) error {
	target, err := version.ParseSemantic(to)
	if err != nil {
		return fmt.Errorf("version %s of Kubernetes: %w", to, err)
	}
	oldest, newest := "", ""
	for _, v := range append(machineVersions(s, isControlPlane), s.controlPlane.Spec.Version) {
		if oldest == "" || older(v, oldest) {
			oldest = v
		}
		if newest == "" || older(newest, v) {
			newest = v
		}
	}
	if older(to, newest) {
		return refusedUpgrade(fmt.Sprintf("the control plane is of Kubernetes %s, and cannot go back to %s", newest, to),
			"Name a version that is not older.")
	}
	if from := minorOf(oldest); target.Minor() > from+1 {
		return refusedUpgrade(
			fmt.Sprintf("the control plane has a node of Kubernetes %s: kubeadm upgrades by one minor release at a time, not to %s", oldest, to),
			fmt.Sprintf("Upgrade to a release of 1.%d first.", from+1))
	}
	isWorker := func(m *clusterv1.Machine) bool { return !isControlPlane(m) }
	workers := machineVersions(s, isWorker)
	for i := range s.workers {
		workers = append(workers, s.workers[i].Spec.Template.Spec.Version)
	}
	for _, v := range workers {
		switch {
		case v == "":
		case older(to, v):
			return refusedUpgrade(fmt.Sprintf("there are workers of Kubernetes %s, and the control plane would be of %s: workers may not be newer", v, to),
				"Upgrade to the workers' version or a newer one.")
		case target.Minor() > minorOf(v)+kubeletSkew:
			return refusedUpgrade(
				fmt.Sprintf("there are workers of Kubernetes %s, too old for a control plane of %s: at most %d minor releases may lie between them",
					v, to, kubeletSkew),
				fmt.Sprintf("Bring the workers to the control plane's version first: --version %s", strings.TrimPrefix(newest, "v")))
		}
	}
	return nil
}

func refusedUpgrade(why, next string) error {
	return &AdvisedError{Err: fmt.Errorf("the cluster cannot be upgraded: %s", why), Advice: "Nothing was changed. " + next}
}

// machineVersions are those of the machines that are of a kind.
func machineVersions(s *snapshot, is func(*clusterv1.Machine) bool) []string {
	var found []string
	for i := range s.machines {
		if m := &s.machines[i]; is(m) && m.Spec.Version != "" {
			found = append(found, m.Spec.Version)
		}
	}
	return found
}

// older compares two versions; one that cannot be read is older than none.
func older(a, b string) bool {
	first, err := version.ParseSemantic(a)
	if err != nil {
		return false
	}
	second, err := version.ParseSemantic(b)
	return err == nil && first.LessThan(second)
}

// minorOf is the minor release of a version, and 0 for one that cannot be read.
func minorOf(v string) uint {
	parsed, err := version.ParseGeneric(v)
	if err != nil {
		return 0
	}
	return parsed.Minor()
}
