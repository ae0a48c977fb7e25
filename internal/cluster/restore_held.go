package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// refuseHeld asks the management clusters that are remembered to hold clusters of the backup: those may have been moved after it was made.
func (r restore) refuseHeld(ctx context.Context) error {
	remembered, err := r.remembered()
	if err != nil {
		return err
	}
	if err := r.identify(ctx); err != nil {
		return err
	}
	var silent []record.Management // one that does not answer is asked once
	for i := range remembered {
		c := &remembered[i]
		if r.restoresInto(c.Management) || slices.ContainsFunc(silent, c.Management.Same) {
			continue
		}
		holds, err := r.stillHolds(ctx, c)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrNoManagement) || err == nil && !holds:
		case err != nil:
			silent = append(silent, c.Management)
			r.report.Warn(fmt.Sprintf("%s, which held cluster %s, cannot be asked whether it still does: %v. It must not work on the clusters of the "+
				"backup any more: it would take them up a second time", c.Management, c.Name, err))
		default:
			return &AdvisedError{
				Err: fmt.Errorf("cluster %s (namespace %s) is held by %s: two management clusters would work against each other",
					c.Name, c.Namespace, c.Management),
				Advice: "Nothing was changed. A restore is for clusters that nobody manages any more. See it where it is, or move it\n" +
					"(docs/howto/move-a-cluster.md):\n  ocne cluster info -C " + c.Name,
			}
		}
	}
	return nil
}

// remembered are the clusters of the backup that are in the record. One that is on its way is there twice: with the management cluster that it comes
// from, and with the one that it goes to.
func (r restore) remembered() ([]record.Cluster, error) {
	var all []record.Cluster
	for _, found := range clustersIn(r.content.Objects) {
		named, err := record.Of(r.RestoreOptions.Management.HomeDir).Named(found.GetNamespace(), found.GetName())
		var foreign *record.ForeignError
		switch {
		case errors.As(err, &foreign):
			return nil, nil
		case err != nil:
			return nil, unreadable(err)
		}
		for _, c := range named {
			all = append(all, c)
			if c.MovingTo != nil {
				c.Management = *c.MovingTo
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// restoresInto says whether a remembered management cluster is the one that is restored into. There is one embedded one at a time.
func (r restore) restoresInto(m record.Management) bool {
	return m.Same(r.place) || m.Kind == record.Embedded && r.embedded != nil
}

// stillHolds is holds, which would start an embedded management cluster that was stopped because another one takes its clusters over.
func (r restore) stillHolds(ctx context.Context, c *record.Cluster) (bool, error) {
	o := r.RestoreOptions.Management
	if c.Management.Kind == record.Embedded {
		state, err := embedded.Inspect(o.embeddedDir())
		if err != nil {
			return false, err
		}
		if state.Exists && !state.Running() {
			return false, errors.New("it does not run")
		}
	}
	asking, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	return o.holds(asking, c, progress.Quiet{Reporter: r.report})
}
