// Package boot makes the one document that a machine boots with, in which what Cluster API's kubeadm bootstrap provider wrote, what the
// image needs, what only this machine is, and what the user adds lie over each other in a fixed order. It is Ignition 3.4.0 JSON, or, where
// the bootstrap data is cloud-config, cloud-config without a header, which the engine adds to its own.
//
// It does no I/O. Documents hold the cluster's private keys: neither they nor parts of them appear in errors.
package boot

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/ignition/v2/config/validate"
)

// The formats of bootstrap data that a document can be made from.
const (
	FormatIgnition    = "ignition"
	FormatCloudConfig = "cloud-config"
)

// ErrFormat reports bootstrap data in another format.
var ErrFormat = errors.New("bootstrap data is neither Ignition nor cloud-config")

// FormatOf is the format of bootstrap data whose Secret says format. Cluster API's contract takes data without one for cloud-config.
func FormatOf(format string) string { return cmp.Or(format, FormatCloudConfig) }

// The layers of a document, lowest first; each wins over those before it, by the rules of Ignition's own merge.
const (
	LayerBootstrap  = "bootstrap data"
	LayerAdditional = "additionalConfig"
	LayerProfile    = "image profile"
	LayerBalancer   = "load balancer"
	LayerMachine    = "identity and network"
	LayerDisks      = "data disks"
	LayerUser       = "user's Ignition"
)

// LayerError says which layer no document could be made with, and why.
type LayerError struct {
	Layer string // one of the Layer constants
	Err   error
}

func (e *LayerError) Error() string { return "boot document: " + e.Layer + ": " + e.Err.Error() }

func (e *LayerError) Unwrap() error { return e.Err }

// Input is everything that a machine boots with.
type Input struct {
	Bootstrap  []byte // the bootstrap Secret's value: cloud-config, Ignition 2.x, as stock Cluster API writes it, or 3.x
	Format     string // the bootstrap Secret's format: see FormatOf
	Additional []byte // Ignition 3.x that manifests carry in containerLinuxConfig.additionalConfig (see IsIgnition3); may be nil
	Profile    string // ProfileOCK, or ProfilePlain; see ProfileFor
	Identity   Identity
	Network    Network
	NICs       []NIC // beside that of Network
	// LoadBalancer is for control plane nodes; nil for none.
	LoadBalancer *LoadBalancer
	Disks        []Disk // that are mounted
	User         []byte // the user's own Ignition 3.x; may be nil, and must be so with cloud-config
}

// Identity is who the machine is.
type Identity struct {
	ProviderID string // olvm://<VM id>; the kubelet reports it, and Cluster API finds the Node by it
	Hostname   string // also the Node's name, because kubeadm takes it from the host
}

// Network is the machine's NIC as the guest configures it. Images with Ignition have no cloud-init or guest agent: this is all they learn.
// With cloud-config, the engine tells the guest its addresses and name servers.
type Network struct {
	Device        string       // interface name, such as enp1s0
	MTU           int          // bytes; 0 = the device's own
	IPv4          netip.Prefix // the machine's address with the length of its subnet
	Gateway       netip.Addr   // zero = no default route
	IPv6          netip.Prefix // zero = no static address
	IPv6Gateway   netip.Addr   // zero = learned from router advertisements
	IPv6AutoConf  bool         // SLAAC, beside IPv6 or alone
	Nameservers   []string     // IP addresses
	SearchDomains []string
	NTPServers    []string // host names or addresses; none = the image's own
}

type layer struct {
	name string
	// apply lays the layer over those below.
	apply func(below types.Config) (types.Config, error)
}

// Document makes the document of one machine. Equal inputs give equal bytes, and Ignition's own parser accepts them, or a YAML parser
// those of cloud-config.
//
// It fails with a *LayerError; errors.Is(err, ErrFormat) when the bootstrap data has another format.
func Document(in Input) ([]byte, error) {
	p, err := loadProfile(ProfileFor(in.Profile, in.Format))
	if err != nil {
		return nil, &LayerError{LayerProfile, err}
	}
	if FormatOf(in.Format) == FormatCloudConfig {
		return cloudConfig(in, p)
	}
	doc := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	for _, l := range layers(in, p) {
		next, err := l.apply(doc)
		if err != nil {
			return nil, &LayerError{l.name, err}
		}
		// Merging two valid documents can make an invalid one, so each step is checked, for the error to name the layer.
		if report := validate.ValidateWithContext(next, nil); report.IsFatal() {
			return nil, &LayerError{l.name, fatal(report)}
		}
		doc = next
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("boot document: %w", err)
	}
	if _, report, err := v3_4.Parse(raw); err != nil {
		return nil, fmt.Errorf("boot document: not accepted by Ignition: %w", parseError(report, err))
	}
	return raw, nil
}

func layers(in Input, p profile) []layer {
	return []layer{
		{LayerBootstrap, func(below types.Config) (types.Config, error) {
			config, err := bootstrapConfig(in.Bootstrap, in.Format)
			return v3_4.Merge(below, config), err
		}},
		{LayerAdditional, overlay(in.Additional)},
		{LayerProfile, func(below types.Config) (types.Config, error) {
			return withAttempts(v3_4.Merge(below, p.config), p), nil
		}},
		{LayerBalancer, func(below types.Config) (types.Config, error) { return loadBalancerConfig(below, p, in) }},
		{LayerMachine, func(below types.Config) (types.Config, error) {
			return machineConfig(below, p, in)
		}},
		{LayerDisks, func(below types.Config) (types.Config, error) { return diskConfig(below, p, in.Disks) }},
		{LayerUser, overlay(in.User)},
	}
}

func overlay(raw []byte) func(types.Config) (types.Config, error) {
	return func(below types.Config) (types.Config, error) {
		if len(raw) == 0 {
			return below, nil
		}
		config, _, err := parse3(raw)
		return v3_4.Merge(below, config), err
	}
}
