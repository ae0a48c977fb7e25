package rest

import (
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func (s *Server) listVMs(r *request) (collection, error) {
	names := s.names()
	return collect("vm", s.Engine.VMs(), func(v engine.VM) item {
		host := []string{}
		if v.HostID != "" {
			host = append(host, names.host[v.HostID])
		}
		fields := search.Fields{
			"id": {v.ID}, "name": {v.Name}, "status": {v.Status}, "description": {v.Description}, "comment": {v.Comment}, "host": host,
			"cluster": {names.cluster[v.ClusterID]}, "datacenter": {names.clusterDataCenter[v.ClusterID]}, "type": {v.Type}, "os": {v.OSType},
			"template": {names.template[v.TemplateID]}, "tag": {}, "ip": {}, "fqdn": {},
		}
		return item{v.ID, fields, func() any { return r.showVM(v) }}
	}), nil
}

func (s *Server) getVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	v, err := s.Engine.VM(id)
	return reply{http.StatusOK, r.showVM(v)}, err
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
	return reply{status, r.showVM(v)}, nil
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
		if err := checkRefs(&Ref{ID: a.Disk.ID}); err != nil {
			return nil, err
		}
		p := engine.DiskPlacement{DiskID: a.Disk.ID, Format: a.Disk.Format, Sparse: (*bool)(a.Disk.Sparse)}
		p.StorageDomain = storageDomainOf(a.Disk)
		out = append(out, p)
	}
	return out, nil
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
	return reply{http.StatusOK, r.showVM(v)}, err
}

func (s *Server) removeVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveVM(r.call(), id, r.flag("detach_only", false))
}

func (s *Server) startVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body Action
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	options := engine.RunOptions{
		UseCloudInit: (*bool)(body.UseCloudInit), UseIgnition: (*bool)(body.UseIgnition), UseInitialization: (*bool)(body.UseInitialization),
	}
	if body.VM != nil {
		change, err := vmChange(body.VM)
		if err != nil {
			return reply{}, err
		}
		options.Init, options.BootDevices = change.Init, change.BootDevices
	}
	job, err := s.Engine.StartVM(r.call(), id, options)
	return actionReply(job), err
}

// powerVM makes the handler of stop or shutdown.
func (s *Server) powerVM(command func(call engine.Call, id, reason string) (engine.Job, error)) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		id, err := r.id("vm")
		if err != nil {
			return reply{}, err
		}
		var body Action
		if err := r.decode(&body); err != nil {
			return reply{}, err
		}
		reason := ""
		if body.Reason != nil {
			reason = *body.Reason
		}
		job, err := command(r.call(), id, reason)
		return actionReply(job), err
	}
}

func actionReply(job engine.Job) reply {
	return reply{http.StatusOK, Action{Job: ref("jobs", job.ID), Status: "complete"}}
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
