package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const (
	imageKey = "bootVolumeContainerImage"
	ockKey   = "providers.olvm.olvmOCK"
)

// Image says what the VM template is made of that the machines name, when the engine does not have it.
type Image struct {
	// Reference of the container image that holds the boot disk, as internal/image/source reads it. It has a tag or a digest.
	Reference string
	// StorageDomain is where the template's disk goes; empty when no template is to be made.
	StorageDomain string
	// DiskName is the name of the template's disk; empty for the template's own name.
	DiskName string
	// DiskSize in bytes is how large the template's disk is made; 0 for the size that the image has.
	DiskSize int64
	// KernelArgs are added to the kernel's command line.
	KernelArgs []string
	// Mirrors are asked before the registries that they stand for: each is PREFIX=MIRROR.
	Mirrors []string
	// RegistryCAPath is a file with certificates to trust beside the system's; empty for none.
	RegistryCAPath string
}

// image applies the defaults that follow from the Kubernetes version.
func (k keys) image() Image {
	ock := k.Providers.OLVM.OCK
	size, _ := infrav1.ParseSize(ock.DiskSize) // Validate reports it
	return Image{
		Reference: withTag(k.BootVolumeContainerImage, k.KubernetesVersion), StorageDomain: ock.StorageDomainName, DiskName: ock.DiskName, DiskSize: size,
		KernelArgs: strings.Fields(ock.KernelArgs), Mirrors: ock.Mirrors, RegistryCAPath: string(ock.RegistryCAPath),
	}
}

// ForVersion is the image of another Kubernetes version than the configuration's.
func (c *Config) ForVersion(version string) Image {
	i := c.Image
	i.Reference = withTag(c.keys.BootVolumeContainerImage, version)
	return i
}

// withTag adds the tag of the image that was published for a Kubernetes version, its minor, to a reference to a registry that has neither tag
// nor digest.
func withTag(reference, version string) string {
	rest := strings.TrimPrefix(reference, "docker://")
	last := rest[strings.LastIndex(rest, "/")+1:]
	minor := regexp.MustCompile(`^v?(1\.[0-9]+)`).FindStringSubmatch(version)
	local := slices.ContainsFunc([]string{"oci:", "docker-archive:", "file:", "/", "./", "../", "~/"}, func(p string) bool {
		return strings.HasPrefix(reference, p)
	})
	if reference == "" || local || minor == nil || strings.ContainsAny(last, ":@") || strings.HasSuffix(last, ".qcow2") {
		return reference
	}
	return reference + ":" + minor[1]
}

// Architecture of the machines as the registry calls it: amd64 or arm64.
func (m Machine) Architecture() string {
	switch cmp.Or(m.VirtualMachine.CPU.Architecture, "x86_64") {
	case "aarch64":
		return "arm64"
	default:
		return "amd64"
	}
}

func (v *validator) image() {
	ock := v.config.keys.Providers.OLVM.OCK
	if ock.DiskSize != "" {
		if _, err := infrav1.ParseSize(ock.DiskSize); err != nil {
			v.report(ockKey+".diskSize", "%v", err)
		}
	}
	if v.config.Image.Reference == "" {
		v.report(imageKey, "is empty: leave it out, or write the container image of the nodes' boot disk")
	}
	v.atMost(ockKey+".diskName", ock.DiskName, maxTemplateName)
	for _, m := range ock.Mirrors {
		if prefix, mirror, found := strings.Cut(m, "="); !found || prefix == "" || mirror == "" {
			v.report(ockKey+".mirrors", "%q is not a mirror: write PREFIX=MIRROR, such as container-registry.oracle.com=mirror.example.com:5000", m)
		}
	}
}
