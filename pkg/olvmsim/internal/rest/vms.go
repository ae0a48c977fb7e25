package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func (s *Server) listVMs(r *request) (collection, error) {
	names, tags := s.names(), s.Engine.Tags()
	return collect("vm", s.Engine.VMs(), func(v engine.VM) item {
		host := []string{}
		if v.HostID != "" {
			host = append(host, names.host[v.HostID])
		}
		report := s.Engine.Reported(v)
		fields := search.Fields{
			"id": {v.ID}, "name": {v.Name}, "status": {v.Status}, "description": {v.Description}, "comment": {v.Comment}, "host": host,
			"cluster": {names.cluster[v.ClusterID]}, "datacenter": {names.clusterDataCenter[v.ClusterID]}, "type": {v.Type}, "os": {v.OSType},
			"template": {names.template[v.TemplateID]}, "tag": engine.TagNames(tags, v.TagIDs), "ip": report.Addresses, "fqdn": {report.FQDN},
			"memory": {strconv.FormatInt(v.Memory>>20, 10)}, "next_run_config_exists": {strconv.FormatBool(v.NextRun != nil)},
		}
		return item{v.ID, fields, func() any { return s.showVM(r, v, false) }}
	}), nil
}

func (s *Server) getVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	v, err := s.Engine.VM(id)
	return reply{http.StatusOK, s.showVM(r, v, false)}, err
}

func (s *Server) addVM(r *request) (reply, error) {
	var body VM
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := missing("Vm", need{"name", body.Name != nil}, need{"cluster.id|name", given(body.Cluster)},
		need{"template.id|name", given(body.Template)}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(&Ref{ID: body.ID}, body.Cluster, body.Template); err != nil {
		return reply{}, err
	}
	change, err := vmChange(&body)
	if err != nil {
		return reply{}, err
	}
	add := engine.VMAdd{
		ID: strings.ToLower(body.ID), Cluster: engineRef(body.Cluster), Template: engineRef(body.Template), Clone: r.flag("clone", false), VMChange: change,
	}
	if add.Disks, err = placements(body.DiskAttachments); err != nil {
		return reply{}, err
	}
	r.vmID = add.ID
	v, err := s.Engine.AddVM(r.call(), add)
	if err != nil {
		return reply{}, err
	}
	r.vmID = v.ID
	status := http.StatusCreated
	if v.Status == engine.StatusImageLocked {
		status = http.StatusAccepted
	}
	return reply{status, s.showVM(r, v, true)}, nil
}

func placements(attachments *DiskAttachments) ([]engine.DiskPlacement, error) {
	if attachments == nil {
		return nil, nil
	}
	out := make([]engine.DiskPlacement, 0, len(attachments.DiskAttachment))
	for _, a := range attachments.DiskAttachment {
		if a.Disk == nil {
			continue
		}
		if err := checkEnums(diskFormat(a.Disk.Format)); err != nil {
			return nil, err
		}
		if err := checkRefs(&Ref{ID: a.Disk.ID}, a.Disk.Quota); err != nil {
			return nil, err
		}
		p := engine.DiskPlacement{DiskID: a.Disk.ID, Format: a.Disk.Format, Sparse: (*bool)(a.Disk.Sparse)}
		p.StorageDomain, p.QuotaID = storageDomainOf(a.Disk), quotaOf(a.Disk)
		out = append(out, p)
	}
	return out, nil
}

func quotaOf(d *Disk) string {
	if d.Quota == nil {
		return ""
	}
	return d.Quota.ID
}

func storageDomainOf(d *Disk) engine.Ref {
	if d.StorageDomains != nil && len(d.StorageDomains.StorageDomain) > 0 {
		return engineRef(&d.StorageDomains.StorageDomain[0])
	}
	return engineRef(d.StorageDomain)
}

func (s *Server) updateVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body VM
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	change, err := vmChange(&body)
	if err != nil {
		return reply{}, err
	}
	v, err := s.Engine.UpdateVM(r.call(), id, change)
	return reply{http.StatusOK, s.showVM(r, v, false)}, err
}

func (s *Server) removeVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	options := engine.RemoveOptions{DetachOnly: r.flag("detach_only", false), Force: r.flag("force", false)}
	return reply{status: http.StatusOK}, s.Engine.RemoveVM(r.call(), id, options)
}

// need is a mandatory property.
type need struct {
	property string
	present  bool
}

func missing(kind string, needs ...need) error {
	var absent []string
	for _, n := range needs {
		if !n.present {
			absent = append(absent, n.property)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	return engine.Incomplete(kind, "add", absent)
}

func given(r *Ref) bool { return r != nil && (r.ID != "" || r.Name != "") }

func engineRef(r *Ref) engine.Ref {
	if r == nil {
		return engine.Ref{}
	}
	return engine.Ref{ID: r.ID, Name: r.Name}
}

// checkRefs refuses ids that are not UUIDs.
func checkRefs(refs ...*Ref) error {
	for _, r := range refs {
		if r != nil && r.ID != "" && !isUUID(r.ID) {
			return engine.MalformedID(r.ID)
		}
	}
	return nil
}
