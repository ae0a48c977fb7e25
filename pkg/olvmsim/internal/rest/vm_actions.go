package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

func vmAction(run command) func(*request) (reply, error) { return commandOn("vm", run) }

func (s *Server) startVM(r *request, id string, body Action) (engine.Job, error) {
	options := engine.RunOptions{
		UseCloudInit: (*bool)(body.UseCloudInit), UseIgnition: (*bool)(body.UseIgnition), UseInitialization: (*bool)(body.UseInitialization),
		UseSysprep: (*bool)(body.UseSysprep), Pause: isTrue(body.Pause), RunOnce: body.VM != nil,
	}
	if body.VM != nil {
		change, err := vmChange(body.VM)
		if err != nil {
			return engine.Job{}, err
		}
		options.Init, options.BootDevices, options.Hosts = change.Init, change.BootDevices, change.PlacementHosts
	}
	return s.Engine.StartVM(r.call(), id, options)
}

func (s *Server) stopVM(r *request, id string, body Action) (engine.Job, error) {
	return s.Engine.StopVM(r.call(), id, value(body.Reason))
}

func (s *Server) shutdownVM(r *request, id string, body Action) (engine.Job, error) {
	return s.Engine.ShutdownVM(r.call(), id, value(body.Reason))
}

// plain makes an action of a command that takes nothing but the VM.
func plain(command func(call engine.Call, id string) (engine.Job, error)) command {
	return func(r *request, id string, _ Action) (engine.Job, error) { return command(r.call(), id) }
}

func (s *Server) accept(command string) command {
	return func(r *request, id string, _ Action) (engine.Job, error) {
		return s.Engine.Accept(r.call(), id, command)
	}
}

func (s *Server) freezeVM(freeze bool) command {
	return func(r *request, id string, _ Action) (engine.Job, error) {
		return s.Engine.FreezeFilesystems(r.call(), id, freeze)
	}
}

func (s *Server) migrateVM(r *request, id string, body Action) (engine.Job, error) {
	if err := checkRefs(body.Host); err != nil {
		return engine.Job{}, err
	}
	var host *engine.Ref
	if given(body.Host) {
		host = ptr(engineRef(body.Host))
	}
	return s.Engine.MigrateVM(r.call(), id, host, isTrue(body.Force))
}

func (s *Server) cloneVM(r *request, id string, body Action) (engine.Job, error) {
	if body.VM == nil || body.VM.Name == nil {
		return engine.Job{}, engine.Incomplete("Action", "doClone", []string{"vm.name"})
	}
	_, job, err := s.Engine.CloneVM(r.call(), id, *body.VM.Name)
	return job, err
}

func (s *Server) previewSnapshot(r *request, id string, body Action) (engine.Job, error) {
	if body.Snapshot == nil || body.Snapshot.ID == "" {
		return engine.Job{}, engine.Incomplete("Action", "doPreviewSnapshot", []string{"snapshot.id"})
	}
	return s.Engine.PreviewSnapshot(r.call(), id, body.Snapshot.ID)
}

func (s *Server) endPreview(commit bool) command {
	return func(r *request, id string, _ Action) (engine.Job, error) {
		return s.Engine.EndPreview(r.call(), id, commit)
	}
}

// ticketTime is how long a console password is good for unless the caller says otherwise, in seconds.
const ticketTime = 120

func (s *Server) ticket(r *request, id string, body Action) (reply, error) {
	value, job, err := s.Engine.Ticket(r.call(), id)
	if err != nil {
		return reply{}, err
	}
	ticket := &Ticket{Expiry: ptr(Int(ticketTime)), Value: ptr(value)}
	if body.Ticket != nil {
		if body.Ticket.Expiry != nil {
			ticket.Expiry = body.Ticket.Expiry
		}
		if body.Ticket.Value != nil && *body.Ticket.Value != "" {
			ticket.Value = body.Ticket.Value
		}
	}
	return reply{http.StatusOK, Action{Job: ref("jobs", job.ID), Status: "complete", Ticket: ticket}}, nil
}
