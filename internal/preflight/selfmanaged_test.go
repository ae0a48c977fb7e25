package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/guest"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestAClusterCannotManageItselfOnNodesThatRunNoPods(t *testing.T) {
	instant, err := guest.NewInstant(t.Context())
	require.NoError(t, err)
	sim := olvmsim.New(t, olvmsim.Options{Guests: instant})
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	wanted := Wanted{URL: sim.URL(), DataCenter: "Default", Subjects: Subjects{SelfManaged: "providers.olvm.selfManaged"}}
	findings, _ := Run(t.Context(), engine, wanted)
	require.Empty(t, findings)

	wanted.SelfManaged = true
	findings, _ = Run(t.Context(), engine, wanted)
	require.Len(t, findings, 1)
	require.Equal(t, SelfManaged, findings[0].Check)
	require.Contains(t, findings[0].String(), "providers.olvm.selfManaged: engine "+wanted.URL+" is a simulator whose VMs run no Pods")
	require.Contains(t, findings[0].Next, "--guests container")
}
