package olvmsim

import (
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// VM is what the engine holds of a VM.
type VM struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Status      string `json:"status"`
	Host        string `json:"host,omitempty"`
	Template    string `json:"template,omitempty"`
	Description string `json:"description,omitempty"`
	Comment     string `json:"comment,omitempty"`
	// HasCustomScript says whether the engine still stores a boot document.
	HasCustomScript bool `json:"hasCustomScript"`
	// Addresses are the guest's, where the guests report any; the engine's API has them only while the VM is up.
	Addresses []string `json:"addresses,omitempty"`
}

// Disk is what the engine holds of a disk.
type Disk struct {
	ID     string `json:"id"`
	Alias  string `json:"alias"`
	Status string `json:"status"`
	// VMIDs are the VMs that hold it.
	VMIDs []string `json:"vmIDs,omitempty"`
	// TemplateID is the template that it belongs to.
	TemplateID string `json:"templateID,omitempty"`
}

// NIC is a network interface of a VM; those of templates are not listed.
type NIC struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	MAC         string `json:"mac"`
	VNICProfile string `json:"vnicProfile,omitempty"`
	VMID        string `json:"vmID"`
}

// Job is the engine's record of a command.
type Job struct {
	ID            string    `json:"id"`
	Description   string    `json:"description"`
	Status        string    `json:"status"`
	CorrelationID string    `json:"correlationID"`
	StartTime     time.Time `json:"startTime"`
}

// VMs lists the VMs by name.
func (s *Simulator) VMs() []VM {
	hosts, templates := map[string]string{}, map[string]string{}
	for _, h := range s.engine.Hosts() {
		hosts[h.ID] = h.Name
	}
	for _, t := range s.engine.Templates() {
		templates[t.ID] = t.Name
	}
	reporter, _ := s.options.Guests.(AddressReporter)
	out := []VM{}
	for _, v := range s.engine.VMs() {
		vm := VM{
			ID: v.ID, Name: v.Name, Status: v.Status, Host: hosts[v.HostID], Template: templates[v.TemplateID],
			Description: v.Description, Comment: v.Comment, HasCustomScript: v.Init != nil && v.Init.CustomScript != nil && *v.Init.CustomScript != "",
		}
		if reporter != nil {
			vm.Addresses = reporter.Addresses(v.ID)
		}
		out = append(out, vm)
	}
	return out
}

// Disks lists the disks by alias, those of templates included.
func (s *Simulator) Disks() []Disk {
	vmIDs, templateID := map[string][]string{}, map[string]string{}
	for _, v := range s.engine.VMs() {
		for _, a := range v.Disks {
			vmIDs[a.DiskID] = append(vmIDs[a.DiskID], v.ID)
		}
	}
	for _, t := range s.engine.Templates() {
		for _, a := range t.Disks {
			templateID[a.DiskID] = t.ID
		}
	}
	out := []Disk{}
	for _, d := range s.engine.Disks() {
		out = append(out, Disk{ID: d.ID, Alias: d.Alias, Status: d.Status, VMIDs: vmIDs[d.ID], TemplateID: templateID[d.ID]})
	}
	return out
}

// NICs lists the NICs of all VMs.
func (s *Simulator) NICs() []NIC {
	profiles := map[string]string{}
	for _, p := range s.engine.VNICProfiles() {
		profiles[p.ID] = p.Name
	}
	out := []NIC{}
	for _, v := range s.engine.VMs() {
		for _, n := range v.NICs {
			out = append(out, NIC{ID: n.ID, Name: n.Name, MAC: n.MAC, VNICProfile: profiles[n.ProfileID], VMID: v.ID})
		}
	}
	return out
}

// Jobs lists the jobs, the newest last.
func (s *Simulator) Jobs() []Job {
	out := []Job{}
	for _, j := range s.engine.Jobs() {
		out = append(out, showJob(j))
	}
	return out
}

func showJob(j engine.Job) Job {
	return Job{ID: j.ID, Description: j.Description, Status: j.Status, CorrelationID: j.CorrelationID, StartTime: j.StartTime}
}
