package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// askOthers marks what is no orphan: VMs of clusters that are remembered to be in another management cluster, which still holds them or cannot be
// asked. A management cluster that is not there any more holds nothing.
func (s *search) askOthers(ctx context.Context, found []Orphan) error {
	held := map[string]string{}
	for i := range found {
		o := &found[i]
		if o.Known {
			continue
		}
		by, asked := held[o.Cluster]
		if !asked {
			var err error
			if by, err = s.heldElsewhere(ctx, o.Cluster); err != nil {
				return err
			}
			held[o.Cluster] = by
		}
		o.HeldBy = by
	}
	return nil
}

// heldElsewhere names the other management cluster that holds a cluster, namespace/name; empty when none is known.
func (s *search) heldElsewhere(ctx context.Context, cluster string) (string, error) {
	namespace, name, _ := strings.Cut(cluster, "/")
	named, err := record.Of(s.Management.HomeDir).Named(namespace, name)
	var foreign *record.ForeignError
	switch {
	case errors.As(err, &foreign):
		return "", nil
	case err != nil:
		return "", unreadable(err)
	case len(named) == 0 || s.management != nil && named[0].Management.Same(s.management.place):
		return "", nil
	}
	asking, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	holds, err := s.Management.holds(asking, &named[0], progress.Quiet{Reporter: s.report})
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, ErrNoManagement) || err == nil && !holds:
		return "", nil
	case err != nil:
		return fmt.Sprintf("%s, which cannot be asked now", named[0].Management), nil
	}
	return named[0].Management.String(), nil
}
