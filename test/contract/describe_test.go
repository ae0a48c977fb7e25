package contract

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/tree"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

// expectDescription compares what clusterctl describe says of a cluster that is well, and of one whose worker was switched off, with what
// a person should read.
func (c *cluster) expectDescription(t *testing.T) {
	c.expectDescribed(t, "testdata/describe-well.txt", tree.DiscoverOptions{Echo: true})
	c.expectDescribed(t, "testdata/describe-conditions.txt", tree.DiscoverOptions{Echo: true, ShowOtherConditions: "OLVMCluster,OLVMMachine"})
	victim := only(c.running(t, 1, 2, anyMember), worker)[0]
	c.switchOff(t, victim)
	c.expectDescribed(t, "testdata/describe-switched-off.txt", tree.DiscoverOptions{})
	require.NoError(t, c.sim.Client.StartVM(t.Context(), victim.vm.ID))
	c.running(t, 1, 2, anyMember)
}

func (c *cluster) expectDescribed(t *testing.T, golden string, options tree.DiscoverOptions) {
	t.Helper()
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	programs.Eventually(t, golden, func() (bool, string) {
		discovered, err := tree.Discovery(t.Context(), c, c.config.Namespace, c.name(), options)
		require.NoError(t, err)
		var text strings.Builder
		describe(&text, "", discovered, discovered.GetRoot())
		got := c.anonymous(text.String())
		return got == string(want), got
	})
}

// describe writes one object and what hangs below it: what clusterctl prints, without counters and ages.
func describe(text *strings.Builder, indent string, discovered *tree.ObjectTree, o client.Object) {
	condition := cmp.Or(tree.GetAvailableCondition(o), tree.GetReadyCondition(o))
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
	lines := strings.TrimSpace(fmt.Sprintf("%s %s", c.Reason, c.Message))
	return fmt.Sprintf(": %s %s", c.Status, strings.ReplaceAll(lines, "\n", " "))
}

// anonymous replaces what differs from run to run: the ends of names, addresses and ids.
func (c *cluster) anonymous(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{c.name() + `-md-0-[a-z0-9]{5}-[a-z0-9]{5}`, c.name() + "-md-0-…"},
		{c.name() + `-control-plane-[a-z0-9]{5}\b`, c.name() + "-control-plane-…"},
		{`127\.\d+\.\d+\.\d+`, "ADDRESS"},
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "ID"},
		{`powering_up|wait_for_launch`, "up"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}
