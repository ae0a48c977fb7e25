package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// listTimeout bounds the question to each management cluster of a list. An embedded one may have to start first, which has a bound of its own.
const listTimeout = 15 * time.Second

// List returns clusters, sorted by namespace and name: those of the management cluster that is chosen, if there is one, and those that are
// remembered of others, which are asked at the same time. With Flag, they are the ones of that management cluster alone. A cluster whose
// management cluster cannot be asked is in the list, with one of the phases for that and a message. An embedded management cluster that holds
// no cluster is not left running.
func List(ctx context.Context, o ManagementOptions, report progress.Reporter) ([]Listed, error) {
	var remembered []record.Cluster
	if o.Flag == "" {
		var err error
		if remembered, err = record.Of(o.HomeDir).Clusters(); err != nil {
			report.Warn(fmt.Sprintf("%v. Only the clusters of one management cluster are listed", err))
		}
	}
	questions := o.questions(remembered)
	var all sync.WaitGroup
	for _, q := range questions {
		all.Go(func() { q.ask(ctx, o, listTimeout, report) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	chosen := questions[0]
	if chosen.err != nil && !errors.Is(chosen.err, ErrNoManagement) && len(chosen.remembered) == 0 {
		if len(remembered) == 0 {
			return nil, chosen.err
		}
		report.Warn(chosen.err.Error())
	}
	listed := []Listed{}
	for _, q := range questions {
		for _, l := range q.answer() {
			if !slices.ContainsFunc(listed, l.isSame) { // two ways may lead to one management cluster
				listed = append(listed, l)
			}
		}
	}
	sortListed(listed)
	return listed, nil
}

func (l Listed) isSame(other Listed) bool {
	return l.Namespace == other.Namespace && l.Name == other.Name && l.Management.Same(other.Management)
}

// question is what one management cluster is asked: what it holds.
type question struct {
	// place is the remembered one; nil for the chosen one if nothing is remembered of it.
	place *record.Management
	// chosen by the options: all its clusters are listed, and not only those that are remembered.
	chosen     bool
	remembered []record.Cluster

	listed []Listed
	uid    string
	err    error
}

// questions are those to the chosen management cluster, and then to the ones that hold remembered clusters.
func (o ManagementOptions) questions(remembered []record.Cluster) []*question {
	all := []*question{{chosen: true}}
	way := o.way()
	for _, c := range remembered {
		place := c.Management
		if way != nil && place.SameWay(*way) {
			all[0].remembered = append(all[0].remembered, c)
			continue
		}
		i := slices.IndexFunc(all, func(q *question) bool { return q.place != nil && q.place.Same(place) && q.place.SameWay(place) })
		if i < 0 {
			i = len(all)
			all = append(all, &question{place: &place})
		}
		all[i].remembered = append(all[i].remembered, c)
	}
	return all
}

// way is that to the chosen management cluster; nil when its kubeconfig cannot be read.
func (o ManagementOptions) way() *record.Management {
	rules, _ := o.kubeconfigSource()
	if rules == nil {
		return &record.Management{Kind: record.Embedded}
	}
	m := &Management{}
	if err := m.locate(o, rules, o.clientConfig(rules), ""); err != nil {
		return nil
	}
	return &m.place
}

func (q *question) ask(ctx context.Context, o ManagementOptions, within time.Duration, report progress.Reporter) {
	if rules, _ := o.kubeconfigSource(); q.place != nil && q.place.Kind != record.Embedded || q.place == nil && rules != nil {
		limited, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("no answer within %s", within))
		defer cancel()
		ctx = limited
	}
	var m *Management
	if q.place != nil {
		m, q.err = o.reopen(ctx, q.place, report)
	} else {
		m, q.err = OpenExistingManagement(ctx, o, report)
	}
	if q.err != nil {
		return
	}
	if q.err = m.identify(ctx); q.err == nil {
		q.uid = m.place.UID
		q.listed, q.err = m.list(ctx)
	}
	if q.err == nil && len(q.listed) == 0 {
		q.err = m.CloseAndStopIfIdle(ctx, report)
		return
	}
	q.err = errors.Join(q.err, m.Close())
}

// answer is what is to be listed.
func (q *question) answer() []Listed {
	var listed []Listed
	if q.chosen {
		listed = q.listed
	}
	for i := range q.remembered {
		c := &q.remembered[i]
		found := slices.IndexFunc(q.listed, func(l Listed) bool { return l.Namespace == c.Namespace && l.Name == c.Name })
		switch {
		case found < 0:
			listed = append(listed, q.missing(c))
		case !q.chosen:
			listed = append(listed, q.listed[found])
		}
	}
	return listed
}

// missing is a cluster of which only the record tells.
func (q *question) missing(c *record.Cluster) Listed {
	l := Listed{Namespace: c.Namespace, Name: c.Name, Provider: c.Provider, Management: c.Management}
	var other *otherClusterError
	gone := errors.Is(q.err, ErrNoManagement)
	switch {
	case c.MovingTo != nil && (gone || q.err == nil):
		l.Phase, l.Message = PhaseMoving, "it is on its way to "+c.MovingTo.String()
	case gone:
		l.Phase, l.Message = PhaseLost, c.Management.String()+" is not there any more"
	case errors.As(q.err, &other):
		l.Phase, l.Message = PhaseLost, q.err.Error()
	case q.err != nil:
		l.Phase, l.Message = PhaseUnreachable, progress.OneLine(q.err.Error())
	case q.uid != "" && c.Management.UID != "" && q.uid != c.Management.UID:
		l.Phase, l.Message = PhaseLost, c.Management.String()+" is not there any more: another one has taken its place"
	default:
		l.Phase, l.Message = PhaseGone, c.Management.String()+" does not hold it any more"
	}
	return l
}
