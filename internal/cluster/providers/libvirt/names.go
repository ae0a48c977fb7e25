package libvirt

import (
	"fmt"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
)

// The kinds of things whose UUIDs say that they are ours.
const (
	kindNetwork = "network" // of a cluster
	kindPool    = "pool"    // by its name
)

// ownUUID is the UUID of something that we make, by its kind and name. It is the mark of what has no metadata. It must never change.
func ownUUID(kind, name string) uuid.UUID {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/ocne-project/ocne/libvirt"))
	return uuid.NewSHA1(space, []byte(kind+"/"+name))
}

// Role of a node.
type Role string

// The roles, as they are in names of domains.
const (
	RoleControlPlane Role = "control-plane"
	RoleWorker       Role = "worker"
)

func domainName(cluster string, role Role, index int) string {
	return fmt.Sprintf("%s-%s-%d", cluster, role, index)
}

func networkName(cluster string) string { return "ocne-" + cluster }

// The volumes of a node, named after its domain. QEMU's console may leave numbered files beside the last one.
func diskName(domain string) string     { return domain + ".qcow2" }
func documentName(domain string) string { return domain + "-init.ign" }
func consoleName(domain string) string  { return domain + "-console.log" }

func isVolumeOf(domain, volume string) bool {
	return volume == diskName(domain) || volume == documentName(domain) ||
		volume == consoleName(domain) || strings.HasPrefix(volume, consoleName(domain)+".")
}

const (
	basePrefix  = "ocne-base-"
	baseSuffix  = ".qcow2"
	readySuffix = ".ready"
	probePrefix = "ocne-probe-"
)

// base is a base volume: an image as one cluster uploaded it.
type base struct {
	digest  string // hexadecimal, without its algorithm
	cluster string
}

func (b base) volume() string { return basePrefix + b.digest + "-" + b.cluster + baseSuffix }

// ready is an empty volume that stands for: the upload is complete. libvirt cannot rename volumes.
func (b base) ready() string { return b.volume() + readySuffix }

// parseBase reads the name of a base volume.
func parseBase(volume string) (base, bool) {
	name, isBase := strings.CutPrefix(volume, basePrefix)
	name, hasSuffix := strings.CutSuffix(name, baseSuffix)
	digest, cluster, found := strings.Cut(name, "-")
	return base{digest: digest, cluster: cluster}, isBase && hasSuffix && found && digest != "" && cluster != ""
}

func optional(s string) rpc.OptString {
	if s == "" {
		return nil
	}
	return rpc.OptString{s}
}
