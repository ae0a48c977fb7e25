package libvirt

import (
	"encoding/xml"
	"fmt"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
)

// markSpace is the XML namespace of our marks. It must never change.
const markSpace = "https://github.com/ocne-project/ocne/libvirt/1"

// metadataElement is VIR_DOMAIN_METADATA_ELEMENT of libvirt-domain.h, which the client has no name for.
const metadataElement = 2

// mark is what the metadata of our domains says. It is all that later commands know of a node.
type mark struct {
	XMLName xml.Name `xml:"node"`
	Cluster string   `xml:"cluster,attr"`
	Role    Role     `xml:"role,attr"`
	Index   int      `xml:"index,attr"`
	Pool    string   `xml:"pool,attr"`
	// Network is empty with user-mode networking.
	Network string `xml:"network,attr,omitempty"`
	// Reserved says that there is a DHCP reservation for the node in a network that is not ours.
	Reserved bool   `xml:"reserved,attr,omitempty"`
	Address  string `xml:"address,attr"` // with its prefix length
	MAC      string `xml:"mac,attr"`
	// Server is host:port of the cluster's API, as this machine reaches it.
	Server  string `xml:"server,attr,omitempty"`
	Version string `xml:"kubernetes,attr,omitempty"`
	// Prepared says that the node's volumes are complete: the disk may have been written to since, and stays.
	Prepared bool `xml:"prepared,attr,omitempty"`
	// Ready says that the node has been part of a cluster that answered; from then on no failure removes it.
	Ready bool `xml:"ready,attr,omitempty"`
	// Owner and OwnerID are those of a private cluster; both are empty for one that is everybody's.
	Owner   string `xml:"owner,attr,omitempty"`
	OwnerID string `xml:"owner-id,attr,omitempty"`
}

func (m mark) owner() Owner { return Owner{User: m.Owner, ID: m.OwnerID} }

// element is the mark for a domain's XML, where its namespace must have a prefix.
func (m mark) element() (string, error) {
	text, err := xml.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("write mark: %w", err)
	}
	attributes := strings.TrimSuffix(strings.TrimPrefix(string(text), "<node "), "></node>")
	return `<ocne:node xmlns:ocne="` + markSpace + `" ` + attributes + "/>", nil
}

// name is that of the node's domain.
func (m mark) name() string { return domainName(m.Cluster, m.Role, m.Index) }

// markOf reads the mark of a domain; ours is false for a domain of somebody else.
func (h *host) markOf(d rpc.Domain) (m mark, ours bool, err error) {
	text, err := h.DomainGetMetadata(d, metadataElement, rpc.OptString{markSpace}, rpc.DomainAffectCurrent)
	if isCode(err, rpc.ErrNoDomainMetadata, rpc.ErrNoDomain) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, failed("read mark of domain", d.Name, err)
	}
	if err := xml.Unmarshal([]byte(text), &m); err != nil {
		return mark{}, false, failed("read mark of domain", d.Name, err)
	}
	if m.Cluster == "" || m.name() != d.Name {
		// A copy that somebody made of our domain is theirs.
		return mark{}, false, nil
	}
	return m, true, nil
}

// remark changes the mark of a domain that exists.
func (h *host) remark(d rpc.Domain, m mark) error {
	text, err := xml.Marshal(m)
	if err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	impact := rpc.DomainAffectConfig
	active, err := h.DomainIsActive(d)
	if err != nil {
		return failed("look at domain", d.Name, err)
	}
	if active != 0 {
		impact |= rpc.DomainAffectLive
	}
	return failed("mark domain", d.Name, h.DomainSetMetadata(d, metadataElement, optional(string(text)), optional("ocne"), optional(markSpace), impact))
}

// owned is a domain of ours.
type owned struct {
	rpc.Domain
	mark mark
}

// domains are ours of one cluster, or of all clusters when it is empty.
func (h *host) domains(cluster string) ([]owned, error) {
	all, _, err := h.ConnectListAllDomains(1, rpc.ConnectListDomainsActive|rpc.ConnectListDomainsInactive)
	if err != nil {
		return nil, failed("list domains of", h.uri, err)
	}
	var out []owned
	for _, d := range all {
		m, ours, err := h.markOf(d)
		if err != nil {
			return nil, err
		}
		if ours && (cluster == "" || m.Cluster == cluster) {
			out = append(out, owned{d, m})
		}
	}
	return out, nil
}

// find looks a domain up that is or shall be ours. It fails with ErrNotOurs when somebody else has the name.
func (h *host) find(name string) (o owned, exists bool, err error) {
	d, err := h.DomainLookupByName(name)
	if isCode(err, rpc.ErrNoDomain) {
		return owned{}, false, nil
	}
	if err != nil {
		return owned{}, false, failed("look up domain", name, err)
	}
	m, ours, err := h.markOf(d)
	if err != nil {
		return owned{}, false, err
	}
	if !ours {
		return owned{}, false, &Error{
			Op: "make domain", Object: name, Err: ErrNotOurs,
			Remedy: "Give the cluster another name, or remove that virtual machine.",
		}
	}
	return owned{d, m}, true, nil
}
