package config

import (
	"fmt"
	"regexp"
	"strconv"
)

// The Kubernetes minors that Cluster API 1.14 accepts for workload clusters.
const (
	oldestMinor = 31
	newestMinor = 36
)

// ResolveVersion returns the version in the form that KubeadmControlPlane demands. A minor alone stands for the patch release of
// the published OCK image of that minor.
func ResolveVersion(version string) (string, error) {
	m := regexp.MustCompile(`^v?1\.([0-9]{1,3})(?:\.([0-9]{1,3}))?$`).FindStringSubmatch(version)
	if m == nil {
		return "", fmt.Errorf("%q is not a Kubernetes version; write a release such as 1.33 or 1.33.10", version)
	}
	minor, err := strconv.Atoi(m[1])
	if err != nil {
		return "", fmt.Errorf("%q is not a Kubernetes version: %w", version, err)
	}
	if minor < oldestMinor || minor > newestMinor {
		return "", fmt.Errorf("%s is not supported; write a release from 1.%d to 1.%d", version, oldestMinor, newestMinor)
	}
	patch := m[2]
	if patch == "" {
		patch = publishedPatch(minor)
	}
	if patch == "" {
		return "", fmt.Errorf("no patch release of 1.%d is known; write the whole version of your VM template, such as 1.%d.1", minor, minor)
	}
	return fmt.Sprintf("v1.%d.%s", minor, patch), nil
}

// publishedPatch is the kubelet's patch release in container-registry.oracle.com/olcne/ock of that minor; empty when there is none.
func publishedPatch(minor int) string {
	switch minor {
	case 31:
		return "14"
	case 32:
		return "13"
	case 33:
		return "10"
	}
	return ""
}
