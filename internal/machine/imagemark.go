package machine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

const imageMarkVersion = "image/v1"

// ImageMark says, inside the engine, that a disk, VM or template was made by us, and which image it holds. It travels in the
// request that makes the object: in the description of a disk, which has no comment, and in the comment of VMs and templates.
type ImageMark struct {
	// Digest is that of the image as it was pulled, for example sha256:2c26b46b....
	Digest string
	// Options stands for what was changed in the image; see ImageOptions.
	Options string
	// Disk is the id of the disk that was uploaded. The engine copies descriptions with disks, so another id tells a copy.
	Disk string
	// Template is the name of the template that the object is for, empty where there is none.
	Template string
	// Complete says that all of the image is in the disk.
	Complete bool
	// Format of the bootstrap data that the image reads, where that is not Ignition: cloud-config.
	Format string
}

// BootFormat is the format of bootstrap data that the image reads.
func (m ImageMark) BootFormat() string { return cmp.Or(m.Format, "ignition") }

type wireImageMark struct {
	Version  string `json:"ocne"`
	Digest   string `json:"image"`
	Options  string `json:"options,omitempty"`
	Disk     string `json:"disk,omitempty"`
	Template string `json:"template,omitempty"`
	Complete bool   `json:"complete,omitempty"`
	Format   string `json:"format,omitempty"`
}

// Text is the mark as the engine keeps it: less than 255 characters without the name of a template, a disk's description has
// room for 500 (BaseDisk).
func (m ImageMark) Text() string {
	b, err := json.Marshal(wireImageMark{
		Version: imageMarkVersion, Digest: m.Digest, Options: m.Options, Disk: m.Disk, Template: m.Template, Complete: m.Complete,
		Format: m.Format,
	})
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// ParseImageMark reads a description or comment; ok is false when it is not a mark of an image of ours.
func ParseImageMark(text string) (m ImageMark, ok bool) {
	var w wireImageMark
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || json.Unmarshal([]byte(text), &w) != nil || w.Version != imageMarkVersion {
		return ImageMark{}, false
	}
	return ImageMark{Digest: w.Digest, Options: w.Options, Disk: w.Disk, Template: w.Template, Complete: w.Complete, Format: w.Format}, true
}

// SameImage says whether two marks name the same image with the same changes.
func (m ImageMark) SameImage(other ImageMark) bool {
	return m.Digest == other.Digest && m.Options == other.Options
}

// ImageOptions is a short form of a text that names all that is changed in an image, such as its kernel arguments. No text means
// that nothing is changed.
func ImageOptions(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// ImageVMName is the name of the VM that a template is made from, the same in each try.
func ImageVMName(m ImageMark) string {
	sum := sha256.Sum256([]byte(m.Template + "\n" + m.Digest + "\n" + m.Options))
	return "ocne-image-" + hex.EncodeToString(sum[:6])
}
