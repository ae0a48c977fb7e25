package olvmmachinetemplate

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// statusOf is what is known of the machines of a template before there is one. A size that cannot be read is left out and told in the error.
func statusOf(m infrav1.OLVMMachineSpec) (infrav1.OLVMMachineTemplateStatus, error) {
	vm := m.VirtualMachine
	topology := vm.CPU.Topology.WithDefaults()
	cpus := int64(topology.Cores) * int64(topology.Sockets) * int64(topology.Threads)
	capacity := corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(cpus, resource.DecimalSI)}
	var errs error
	for name, size := range map[corev1.ResourceName]string{
		corev1.ResourceMemory:           vm.Memory,
		corev1.ResourceEphemeralStorage: vm.BootDiskSize, // without it, the size is that of the template's disk, which only the engine knows
	} {
		if size == "" {
			continue
		}
		bytes, err := infrav1.ParseSize(size)
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		capacity[name] = *resource.NewQuantity(bytes, resource.BinarySI)
	}
	return infrav1.OLVMMachineTemplateStatus{
		Capacity: capacity,
		NodeInfo: infrav1.NodeInfo{Architecture: kubernetesArchitecture(vm.CPU.Architecture), OperatingSystem: "linux"},
	}, errs
}

// kubernetesArchitecture turns the engine's name of an architecture (Architecture in its API model) into that of Kubernetes; it is empty
// where there is none. POWER guests of the engine are little-endian, whatever its name says.
func kubernetesArchitecture(engine string) string {
	switch engine {
	case "", "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "ppc64", "ppc64le":
		return "ppc64le"
	case "s390x":
		return "s390x"
	}
	return ""
}
