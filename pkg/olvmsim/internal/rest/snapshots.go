package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func showSnapshot(s engine.Snapshot, vmID string) Snapshot {
	vm := ref("vms", vmID)
	href := vm.Href + "/snapshots/" + s.ID
	return Snapshot{
		Actions: actionLinks(href, "restore"), Date: millis(s.Date), Description: ptr(s.Description), Href: href, ID: s.ID,
		Link: subLinks(href, "cdroms", "disks", "nics"), PersistMemorystate: ptr(Bool(s.PersistMemory)),
		SnapshotStatus: s.Status, SnapshotType: s.Type, VM: vm,
	}
}

func (s *Server) listSnapshots(r *request) (collection, error) {
	id, err := r.id("vm")
	if err != nil {
		return collection{}, err
	}
	snapshots, err := s.Engine.Snapshots(id)
	return collect("snapshot", snapshots, func(sn engine.Snapshot) item {
		return item{sn.ID, search.Fields{"id": {sn.ID}, "description": {sn.Description}}, func() any { return showSnapshot(sn, id) }}
	}), err
}

func (s *Server) addSnapshot(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body Snapshot
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := missing("Snapshot", need{"description", body.Description != nil}); err != nil {
		return reply{}, err
	}
	memory := body.PersistMemorystate == nil || isTrue(body.PersistMemorystate)
	snapshot, err := s.Engine.AddSnapshot(r.call(), id, *body.Description, memory)
	return reply{http.StatusAccepted, showSnapshot(snapshot, id)}, err
}

// snapshotIDs are the two ids in the path of a snapshot.
func (r *request) snapshotIDs() (vm, snapshot string, err error) {
	if vm, err = r.id("vm"); err != nil {
		return "", "", err
	}
	snapshot, err = r.id("snapshot")
	return vm, snapshot, err
}

func (s *Server) removeSnapshot(r *request) (reply, error) {
	vm, snapshot, err := r.snapshotIDs()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveSnapshot(r.call(), vm, snapshot)
}

func (s *Server) restoreSnapshot(r *request) (reply, error) {
	vm, snapshot, err := r.snapshotIDs()
	if err != nil {
		return reply{}, err
	}
	var body Action
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	job, err := s.Engine.RestoreSnapshot(r.call(), vm, snapshot)
	return actionReply(job), err
}
