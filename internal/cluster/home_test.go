package cluster

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// marked is a paused cluster that bears the mark of a move.
func marked(mark string) *clusterv1.Cluster {
	c := demo()
	c.Annotations = map[string]string{moveAnnotation: mark}
	c.Spec.Paused = ptr.To(true)
	return c
}

// asked is what the two homes of a cluster have answered.
type asked struct {
	known          *record.Cluster
	named          bool   // the other one was named by --kubeconfig
	other          string // UID of the other one; empty when it was not opened
	inOther, inOwn *clusterv1.Cluster
	silent         error
	unasked        error
}

func (a asked) homes() *homes {
	h := &homes{
		key: client.ObjectKeyFromObject(demo()), kubeconfig: "/own", inOther: a.inOther, inOwn: a.inOwn,
		silent: a.silent, unasked: a.unasked, report: progress.Quiet{},
	}
	management := func(c *clusterv1.Cluster) *Management {
		if c == nil {
			return fakeManagement()
		}
		return fakeManagement(c)
	}
	if a.inOwn != nil {
		h.own = management(a.inOwn)
	}
	if a.other != "" {
		h.other = management(a.inOther)
		h.other.place = record.Management{Kind: record.Kubeconfig, Files: []string{"/another/way"}, UID: a.other}
	}
	return h
}

func (a asked) memory() *memory { return &memory{known: a.known, chooses: a.known != nil && !a.named} }

// homeX and homeItself are remembered.
func homeX() record.Management {
	return record.Management{Kind: record.Kubeconfig, Files: []string{"/x"}, UID: "x"}
}
func homeItself() record.Management {
	return record.Management{Kind: record.Self, Files: []string{"/own"}, UID: "s"}
}

func movingIn() *record.Cluster {
	to := homeItself()
	return &record.Cluster{Management: homeX(), MovingTo: &to}
}

func movingOut() *record.Cluster {
	to := homeX()
	return &record.Cluster{Management: homeItself(), MovingTo: &to}
}

func TestAMoveIsCompletedWhenBothSidesWereAsked(t *testing.T) {
	silent := errors.New("no route to host")
	removed := movingIn()
	removed.Management = record.Management{Kind: record.Embedded, UID: "e"}
	for name, test := range map[string]asked{
		"the source is empty":                              {known: movingIn(), other: "x", inOwn: marked(inward)},
		"the source is empty, and nothing is remembered":   {other: "x", inOwn: marked(inward)},
		"the source was removed when it was empty":         {known: removed, inOwn: marked(inward)},
		"the target has nothing yet":                       {known: movingIn(), other: "x", inOther: marked(inward)},
		"the target on the way out has everything":         {known: movingOut(), other: "x", inOther: marked(outward)},
		"the remembered one is named by another file":      {known: movingIn(), named: true, other: "x", inOwn: marked(inward)},
		"the cluster is silent, and nothing moves":         {known: movingIn(), other: "x", inOther: demo(), silent: silent},
		"the other one does not answer, and nothing moves": {known: movingOut(), inOwn: demo(), unasked: silent},
	} {
		t.Run(name, func(t *testing.T) {
			h := test.homes()
			home, err := h.resume(t.Context(), test.memory())
			require.NoError(t, err)
			if test.inOwn != nil {
				require.Same(t, h.own, home)
			} else {
				require.Same(t, h.other, home)
			}
			c, err := home.clusterNamed(t.Context(), h.key)
			require.NoError(t, err)
			require.False(t, moving(c))
			require.Nil(t, c.Spec.Paused)
		})
	}
}

// What one side holds of a cluster may be a part of it, as long as the other side was not asked.
func TestAMoveOfWhichOneSideWasNotAskedIsLeftAsItIs(t *testing.T) {
	silent := errors.New("no route to host")
	for name, test := range map[string]struct {
		asked
		says []string
	}{
		"the cluster's API is silent": {
			asked{known: movingIn(), other: "x", inOther: marked(inward), silent: silent},
			[]string{"the cluster itself (/own) cannot be asked: no route to host", "remove that kubeconfig", "ocne cluster orphans"},
		},
		"the cluster's API is silent on the way out": {
			asked{known: movingOut(), other: "x", inOther: marked(outward), silent: silent},
			[]string{"the cluster itself (/own) cannot be asked: no route to host"},
		},
		"the source does not answer": {
			asked{known: movingIn(), inOwn: marked(inward), unasked: silent},
			[]string{homeX().String() + " cannot be asked: no route to host", "ocne cluster delete -C demo --forget"},
		},
		"the target on the way out does not answer": {
			asked{known: movingOut(), inOwn: marked(outward), unasked: silent},
			[]string{homeX().String() + " cannot be asked: no route to host", "ocne cluster delete -C demo --forget"},
		},
		"a third one is named": {
			asked{known: movingIn(), named: true, other: "y", inOwn: marked(inward)},
			[]string{homeX().String() + " cannot be asked: --kubeconfig names another one", "without --kubeconfig"},
		},
		"a third one is named that has a cluster of the same name": {
			asked{known: movingIn(), named: true, other: "y", inOther: demo(), inOwn: marked(inward)}, []string{"--kubeconfig names another one"},
		},
		"the cluster itself is named": {
			asked{known: movingOut(), named: true, inOwn: marked(outward), unasked: errNamesItself}, []string{"without --kubeconfig"},
		},
		"the cluster itself is named, and nothing is remembered": {
			asked{inOwn: marked(outward), unasked: errNamesItself}, []string{errNamesItself.Error(), "name none"},
		},
		"it is moved between other management clusters": {asked{other: "x", inOther: marked(between)}, []string{"ocne management move"}},
		"it is being restored":                          {asked{inOwn: marked(restoring)}, []string{"ocne management restore"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := test.homes()
			_, err := h.resume(t.Context(), test.memory())
			refused(t, err, append(test.says, "in part", "Nothing was changed")...)
			for _, side := range []*Management{h.other, h.own} {
				require.False(t, side != nil && side.writes.wrote)
			}
		})
	}
}
