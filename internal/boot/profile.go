package boot

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"strings"

	butane "github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/incluster"
	"github.com/ocne-project/ocne/internal/loadbalancer"
)

// The image profiles.
const (
	ProfileOCK   = "ock"   // Oracle Container Host for Kubernetes
	ProfilePlain = "plain" // an ordinary Linux with containerd, and with Ignition and NetworkManager, or with cloud-init
)

//go:embed ock.yaml plain.yaml node-ip.sh kubeadm-attempts.sh
var profiles embed.FS

// profile is what differs from node image to node image.
type profile struct {
	NetworkConnections string             `json:"networkConnections"` // directory of NetworkManager's keyfiles
	TimeServers        timeServers        `json:"timeServers"`
	NodeIP             nodeIP             `json:"nodeIP"`
	LoadBalancer       loadbalancer.Image `json:"loadBalancer"`
	MountedFirst       []string           `json:"mountedFirst"` // units that start when the data disks are mounted
	// CloudInit are the commands that do, where there is cloud-init, what Ignition does with the profile's second document; none for an
	// image that has no cloud-init.
	CloudInit []string `json:"cloudInit"`
	Image     `json:",inline"`

	config         types.Config // the same on every machine of the image
	nodeIPScript   string
	attemptsScript string
}

// Kubeadm is what an image needs from kubeadm's configuration.
type Kubeadm struct {
	CRISocket       string   `json:"criSocket"`       // of the container runtime, with its scheme
	ImageRepository string   `json:"imageRepository"` // of Kubernetes' container images; empty for kubeadm's default
	Patches         string   `json:"patches"`         // directory of kubeadm's patches; empty for none
	SkipPhases      []string `json:"skipPhases"`      // of init and join
	VolumePluginDir string   `json:"volumePluginDir"` // of the kubelet; empty for its default
}

// timeServers is the file of chrony that names time servers.
type timeServers struct {
	Path string `json:"path"`
	Head string `json:"head"` // what the file must hold beside the servers
}

// nodeIP is how a kubelet learns the address that its node makes itself.
type nodeIP struct {
	Script       string `json:"script"`       // where node-ip.sh goes
	KubeletFlags string `json:"kubeletFlags"` // the file in which kubeadm keeps the kubelet's arguments
	Dropin       string `json:"dropin"`       // of kubelet.service, which runs the script
}

// Image is what a cluster's configuration has to know of its nodes' image.
type Image struct {
	Kubeadm Kubeadm      `json:"kubeadm"`
	Addons  addon.Images `json:"addons"`
	// Administrator is for the user ocne.
	Administrator Administrator `json:"administrator"`
	// ImageStore is where container images are.
	ImageStore incluster.ImageStore `json:"imageStore"`
	Outside    `json:",inline"`
}

// LoadImage returns what a profile says of its image. It fails when there is no such profile; ProfileOCK is that of an empty name.
func LoadImage(profile string) (Image, error) {
	p, err := loadProfile(profile)
	return p.Image, err
}

// ProfileFor is the profile of an image that reads a format of bootstrap data, where profile is what the user wrote: ProfileOCK when that
// is empty, and ProfilePlain with cloud-config, which OCK cannot read.
func ProfileFor(profile, format string) string {
	if FormatOf(format) == FormatCloudConfig {
		return cmp.Or(profile, ProfilePlain)
	}
	return cmp.Or(profile, ProfileOCK)
}

func loadProfile(name string) (profile, error) {
	switch name {
	case "":
		name = ProfileOCK
	case ProfileOCK, ProfilePlain:
	default:
		return profile{}, fmt.Errorf("there is no profile %q: use %s or %s", name, ProfileOCK, ProfilePlain)
	}
	text, err := profiles.ReadFile(name + ".yaml")
	if err != nil {
		return profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	settings, layer, found := strings.Cut(string(text), "\n---\n")
	if !found {
		return profile{}, fmt.Errorf("profile %s: it is not two documents", name)
	}
	var p profile
	if err := yaml.UnmarshalStrict([]byte(settings), &p); err != nil {
		return profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	raw, report, err := butane.TranslateBytes([]byte(layer), common.TranslateBytesOptions{Raw: true})
	if err == nil && len(report.Entries) > 0 {
		err = errors.New(report.String())
	}
	if err != nil {
		return profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	for file, text := range map[string]*string{"node-ip.sh": &p.nodeIPScript, "kubeadm-attempts.sh": &p.attemptsScript} {
		script, err := profiles.ReadFile(file)
		if err != nil {
			return profile{}, fmt.Errorf("profile %s: %w", name, err)
		}
		*text = string(script)
	}
	p.config, _, err = parse3(raw)
	return p, err
}
