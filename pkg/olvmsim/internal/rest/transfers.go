package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// listTransfers leaves out of filtered answers the transfers of disks that the caller does not see.
func (s *Server) listTransfers(r *request) (collection, error) {
	transfers := slices.DeleteFunc(s.Engine.Transfers(), func(t engine.Transfer) bool { return !r.sees(engine.TypeDisk, t.DiskID) })
	return collect("image_transfer", transfers, func(t engine.Transfer) item {
		fields := search.Fields{"id": {t.ID}, "phase": {t.Phase}, "direction": {t.Direction}}
		return item{t.ID, fields, func() any { return showTransfer(t) }}
	}), nil
}

func (s *Server) addTransfer(r *request) (reply, error) {
	var body ImageTransfer
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	add := engine.TransferAdd{
		DiskID: idOf(body.Image), SnapshotID: idOf(body.Snapshot), HostID: idOf(body.Host), Direction: body.Direction, Format: body.Format,
		TimeoutPolicy: body.TimeoutPolicy, InactivityTimeout: (*int64)(body.InactivityTimeout), Shallow: isTrue(body.Shallow),
	}
	if body.Disk != nil {
		add.DiskID = strings.ToLower(body.Disk.ID)
	}
	if err := missing("ImageTransfer", need{"image.id|disk.id|snapshot.id", add.DiskID != "" || add.SnapshotID != ""}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(&Ref{ID: add.DiskID}, body.Snapshot, body.Host); err != nil {
		return reply{}, err
	}
	if err := checkEnums(
		enum{add.Direction, "ImageTransferDirection", []string{engine.DirectionUpload, engine.DirectionDownload}},
		enum{add.TimeoutPolicy, "ImageTransferTimeoutPolicy", []string{engine.PolicyLegacy, engine.PolicyPause, engine.PolicyCancel}},
		diskFormat(add.Format),
	); err != nil {
		return reply{}, err
	}
	t, err := s.Engine.AddTransfer(r.call(), add)
	return reply{http.StatusCreated, showTransfer(t)}, err
}

func idOf(r *Ref) string {
	if r == nil {
		return ""
	}
	return strings.ToLower(r.ID)
}

// actOnTransfer makes the handler of a transfer's action; its faults are bare.
func (s *Server) actOnTransfer(act func(call engine.Call, id string) error) func(*request) (reply, error) {
	return actOn("imagetransfer", func(r *request, id string, _ Action) (reply, error) {
		return reply{http.StatusOK, Action{Status: "complete"}}, act(r.call(), id)
	})
}

func showTransfer(t engine.Transfer) ImageTransfer {
	href := ref("imagetransfers", t.ID).Href
	out := ImageTransfer{
		Actions: actionLinks(href, "cancel", "extend", "finalize", "pause", "resume"), Active: ptr(Bool(t.Active)), Direction: t.Direction,
		Format: t.Format, Href: href, ID: t.ID, Image: &Ref{ID: t.DiskID}, InactivityTimeout: ptr(Int(t.InactivityTimeout)), Phase: t.Phase,
		ProxyURL: t.ProxyURL, Shallow: ptr(Bool(t.Shallow)), TimeoutPolicy: t.TimeoutPolicy, TransferURL: t.TransferURL,
		Transferred: ptr(Int(t.Transferred)),
	}
	if t.HostID != "" {
		out.Host = ref("hosts", t.HostID)
	}
	if t.SnapshotID != "" {
		out.Snapshot = &Ref{ID: t.SnapshotID}
	}
	return out
}
