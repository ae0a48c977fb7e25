package cluster

import (
	"context"
	"fmt"
	"time"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// removal is an orphan on its way out of the engine. It goes the way of a machine that is deleted: package machine decides each step.
type removal struct {
	*Orphan
	desired machine.Desired
	within  string    // the engine's cluster, by its id
	wake    time.Time // when to look again
	state   string    // in words
	reason  string    // of the last plan
	since   time.Time // when that reason was seen first
	done    bool
}

// remove takes all removable orphans down at once and returns when each is gone, or was left alone.
func (s *search) remove(ctx context.Context, found []Orphan) error {
	places, err := s.places(ctx)
	if err != nil {
		return err
	}
	var all []*removal
	for i := range found {
		o := &found[i]
		if o.Message != "" {
			continue
		}
		r := &removal{Orphan: o, desired: machine.Desired{
			VMID: o.ID, Owner: machine.Mark{Cluster: o.Cluster, Machine: o.Machine}, Names: places[o.ID].names,
			Deleting: true, Seen: true, Provisioned: true, // so that its disks are looked at
		}, within: places[o.ID].clusterID}
		all = append(all, r)
		if r.desired.Names == (engine.PlaceNames{}) {
			s.leave(r, "the engine does not show the cluster that it runs in")
		}
	}
	defer s.report.Close()
	for {
		if err := s.round(ctx, all); err != nil {
			return err
		}
		if len(s.pending) == 0 {
			return incomplete(all)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// round takes one step with each that is due. Who owns what is read anew before every one that could change something.
func (s *search) round(ctx context.Context, all []*removal) error {
	known, err := s.management.owners(ctx)
	if err != nil {
		return err
	}
	s.pending = nil
	for _, r := range all {
		if !r.done && !time.Now().Before(r.wake) {
			s.step(ctx, r, known)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !r.done {
			s.pending = append(s.pending, progress.Item{Name: "VM " + r.Name, State: r.state})
		}
	}
	s.report.Show("Removing VMs", s.pending)
	return nil
}

// step observes, plans and acts once, unless somebody has the VM meanwhile.
func (s *search) step(ctx context.Context, r *removal, known owners) {
	if owner := known.machines[r.ID]; owner != "" {
		s.leave(r, "OLVMMachine "+owner+" has it now")
		return
	}
	r.Paused, r.Known = known.cluster(r.Cluster)
	if why := r.kept(len(s.Clusters) > 0); why != "" {
		s.leave(r, why)
		return
	}
	now := time.Now()
	plan, err := s.act(ctx, r.desired, now)
	if err != nil {
		plan = plan.Failed(err)
	}
	r.state, r.wake = progress.OneLine(plan.Message), now.Add(plan.Wake)
	if plan.Reason != r.reason {
		r.reason, r.since = plan.Reason, now
	}
	switch {
	case plan.Gone:
		s.finish(ctx, r)
	case plan.Reason == infrav1.NotOursReason:
		s.leave(r, "its mark was changed")
	case plan.Reason != infrav1.DeletingReason && now.Sub(r.since) >= (&watchdog{}).patience(plan.Reason):
		s.leave(r, plan.Reason+": "+plan.Message)
	}
}

// finish gives the addresses back, and removes the affinity group that the VM was the last one in. What does not work is tried again.
func (s *search) finish(ctx context.Context, r *removal) {
	err := machine.LeaveGroups(ctx, s.engine, r.within, r.Cluster, r.ID)
	if err != nil && ovirt.KindOf(err) != ovirt.Forbidden { // an empty group does no harm
		r.state = "removed; its affinity group is not yet: " + progress.OneLine(err.Error())
		return
	}
	if err := s.management.release(ctx, r.Orphan); err != nil {
		r.state = "removed; its addresses are not given back yet: " + progress.OneLine(err.Error())
		return
	}
	r.done, r.Removed = true, true
	s.engine.Forget(r.ID)
	s.report.Step(fmt.Sprintf("VM %s is removed", r.Name))
}

func (s *search) act(ctx context.Context, d machine.Desired, now time.Time) (machine.Plan, error) {
	observation, err := machine.Observe(ctx, s.engine, d, now)
	if err != nil {
		return machine.Refused("observe the VM", err), nil
	}
	plan := machine.Next(d, observation, now)
	return plan, machine.Act(ctx, s.engine, d, plan)
}

func (s *search) leave(r *removal, why string) {
	r.done, r.Message = true, progress.OneLine(why)
	s.report.Warn(fmt.Sprintf("VM %s is left alone: %s", r.Name, r.Message))
}

// where is what the engine calls the surroundings of a VM.
type where struct {
	names     engine.PlaceNames
	clusterID string
}

// places are the names of data center and cluster of every VM, by its id: what an account has to see before it may say that a VM is gone.
func (s *search) places(ctx context.Context) (map[string]where, error) {
	c := s.engine.Client()
	dataCenters, err := c.DataCenters(ctx)
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", s.engine.URL(), err)
	}
	byCluster := map[string]where{}
	for _, dc := range dataCenters {
		clusters, err := c.Clusters(ctx, dc.ID)
		if err != nil {
			return nil, fmt.Errorf("engine %s: data center %s: %w", s.engine.URL(), dc.Name, err)
		}
		for _, one := range clusters {
			byCluster[one.ID] = where{engine.PlaceNames{DataCenter: dc.Name, Cluster: one.Name}, one.ID}
		}
	}
	snapshot, err := s.engine.Snapshot(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", s.engine.URL(), err)
	}
	places := map[string]where{}
	snapshot.Each(func(vm ovirt.VM) {
		if place, ok := byCluster[vm.ClusterID]; ok {
			places[vm.ID] = place
		}
	})
	return places, nil
}

func incomplete(all []*removal) error {
	left := 0
	for _, r := range all {
		if !r.Removed {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d VMs were not removed", left, len(all))
}
