package contract

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/tree"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// expectDescription compares what clusterctl describe says of a cluster that is well, and of one whose worker was switched off, with what
// a person should read.
func (c *cluster) expectDescription(t *testing.T) {
	c.expectDescribed(t, "testdata/describe-well.txt", tree.DiscoverOptions{Echo: true})
	c.expectFewConditions(t)
	victim := only(c.running(t, 1, 2, anyMember), worker)[0]
	c.switchOff(t, victim)
	c.expectDescribed(t, "testdata/describe-switched-off.txt", tree.DiscoverOptions{})
	require.NoError(t, c.sim.Client.StartVM(t.Context(), victim.vm.ID))
	c.running(t, 1, 2, anyMember)
}

func (c *cluster) expectDescribed(t *testing.T, golden string, options tree.DiscoverOptions) {
	t.Helper()
	last := ""
	programs.Eventually(t, golden, func() (bool, string) {
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		discovered, err := tree.Discovery(t.Context(), c, c.config.Namespace, c.name(), options)
		require.NoError(t, err)
		var text strings.Builder
		describe(&text, "", discovered, discovered.GetRoot())
		got := c.anonymous(text.String())
		if got != last && got != string(want) { // what it said in between tells more than what it said in the end
			t.Logf("%s: not yet %s", time.Now().Format(time.TimeOnly), got)
		}
		last = got
		return got == string(want), got
	})
}

// expectFewConditions: with --show-conditions, an object takes little room, and each line stands alone.
func (c *cluster) expectFewConditions(t *testing.T) {
	t.Helper()
	with := []interface{ GetConditions() []metav1.Condition }{get(t, c, c.name(), &infrav1.OLVMCluster{})}
	for _, m := range c.running(t, 1, 2, anyMember) {
		with = append(with, m.olvm)
	}
	for _, o := range with {
		require.LessOrEqual(t, len(o.GetConditions()), 6)
		for _, condition := range o.GetConditions() {
			require.NotContains(t, condition.Message, "\n", condition.Type)
			require.LessOrEqual(t, len(condition.Message), 120, condition.Type)
		}
	}
}

// describe writes one object and what hangs below it: what clusterctl prints, without counters and ages.
func describe(text *strings.Builder, indent string, discovered *tree.ObjectTree, o client.Object) {
	condition := cmp.Or(tree.GetAvailableCondition(o), tree.GetReadyCondition(o))
	if _, ok := o.(*clusterv1.Machine); ok {
		condition = tree.GetReadyCondition(o)
	}
	fmt.Fprintf(text, "%s%s %s%s\n", indent, role(o), o.GetName(), told(condition))
	if tree.IsShowConditionsObject(o) {
		for _, other := range tree.GetConditions(o) {
			fmt.Fprintf(text, "%s    %s%s\n", indent, other.Type, told(&other))
		}
	}
	children := discovered.GetObjectsByParent(o.GetUID())
	slices.SortFunc(children, func(a, b client.Object) int {
		return cmp.Or(cmp.Compare(role(a), role(b)),
			cmp.Compare(told(tree.GetReadyCondition(a)), told(tree.GetReadyCondition(b))), cmp.Compare(a.GetName(), b.GetName()))
	})
	for _, child := range children {
		describe(text, indent+"  ", discovered, child)
	}
}

// role is the kind of an object, and what it is for where the kind does not say.
func role(o client.Object) string {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	if name := tree.GetMetaName(o); name != "" {
		return name + " - " + kind
	}
	return kind
}

func told(c *metav1.Condition) string {
	if c == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf(": %s %s %s", c.Status, c.Reason, strings.ReplaceAll(c.Message, "\n", " ")))
}

// anonymous replaces what differs from run to run: the ends of names, addresses and ids.
func (c *cluster) anonymous(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{c.name() + `-md-0-[a-z0-9]{5}-[a-z0-9]{5}`, c.name() + "-md-0-…"},
		{c.name() + `-control-plane-[a-z0-9]{5}\b`, c.name() + "-control-plane-…"},
		{`127\.\d+\.\d+\.\d+`, "ADDRESS"},
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "ID"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}
