package cluster

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

func TestAManagementClusterOfAnotherUserIsRefusedAndNoOtherIsMade(t *testing.T) {
	h := newLibvirtHost(t)
	h.define("owner='alice' owner-id='1'")
	before := h.everything()
	_, err := h.order.openOrMake(t.Context(), progress.Quiet{})
	require.ErrorIs(t, err, libvirt.ErrOthers)
	require.ErrorContains(t, err, "user alice")
	require.NoDirExists(t, filepath.Join(h.home, ".ocne", "management"), "no embedded one in its place")

	plan, err := local.Ephemeral(h.order.Config, h.order.Management.Getenv)
	require.NoError(t, err)
	_, err = local.Delete(t.Context(), plan.Connection, "small", plan.Kubeconfig, h.home, progress.Quiet{})
	require.ErrorIs(t, err, libvirt.ErrOthers)
	require.Equal(t, before, h.everything())
	require.Contains(t, h.virsh("domstate", "small-control-plane-1"), "shut off")
}

// E6: the existing ocne forgot where it was.
func TestE6AManagementClusterOnLibvirtOfWhichNothingIsRememberedIsFoundAgain(t *testing.T) {
	h := newLibvirtHost(t)
	plan, err := local.Ephemeral(h.order.Config, h.order.Management.Getenv)
	require.NoError(t, err)
	o := newOutpost(t, "uid", demo())
	_, err = local.Start(t.Context(), plan, filepath.Join(h.home, "lost"), listening(func(text string) {
		if strings.Contains(text, "waiting for the API at") {
			h.appear(o)
		}
	}))
	require.NoError(t, err)
	h.virsh("destroy", "small-control-plane-1")
	before := h.everything()

	h.order.Config.Libvirt.StoragePool = "another" // which would be for new ones
	var told strings.Builder
	m, err := h.order.openOrMake(t.Context(), listening(func(text string) { told.WriteString(text + "\n") }))
	require.NoError(t, err, &told)
	require.Contains(t, told.String(), "keeps the controllers that it has", "there is no image of them, which only a new one needs")
	found, err := m.clusterNamed(t.Context(), keyOf(h.order.Config))
	require.NoError(t, err)
	require.NotNil(t, found)
	mem := &memory{file: record.Of(h.home)}
	require.NoError(t, mem.began(t.Context(), m, h.order))
	require.Equal(t, record.Libvirt, mem.known.Management.Kind)
	require.Equal(t, "uid", mem.known.Management.UID)
	require.NoError(t, m.Close())
	require.Equal(t, before, h.everything())
	require.Contains(t, h.virsh("domstate", "small-control-plane-1"), "running")
}

func TestAManagementClusterOnLibvirtThatCannotBeUsedIsNotMadeASecondTime(t *testing.T) {
	h := newLibvirtHost(t)
	h.define("")
	h.virsh("pool-create-as", "images", "dir", "--target", t.TempDir())
	_, err := h.order.openOrMake(t.Context(), progress.Quiet{})
	require.ErrorContains(t, err, "read the boot document of small-control-plane-1")
	require.NoDirExists(t, filepath.Join(h.home, ".ocne", "management"), "no embedded one in its place")
}

func TestAnInterruptedManagementClusterOnLibvirtLeavesNothing(t *testing.T) {
	for name, when := range map[string]string{
		"while its machine starts":           "waiting for the API at",
		"when its kubeconfig was written":    "Wrote the kubeconfig",
		"when the controllers are installed": "Cluster small is ready",
	} {
		t.Run(name, func(t *testing.T) {
			h := newLibvirtHost(t)
			h.hasImages()
			before := h.everything()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var told strings.Builder
			o := newOutpost(t, "uid")
			_, err := h.order.openOrMake(ctx, listening(func(text string) {
				told.WriteString(text + "\n")
				switch {
				case strings.Contains(text, when):
					require.Contains(t, h.virsh("list", "--name"), "small-control-plane-1")
					interrupt()
				case strings.Contains(text, "waiting for the API at"):
					h.appear(o)
				}
			}))
			require.ErrorIs(t, err, context.Canceled)
			require.Contains(t, told.String(), when)
			require.Equal(t, before, h.everything(), &told)
			require.NoFileExists(t, filepath.Join(h.home, ".kube", "kubeconfig.small"))
			require.NoDirExists(t, filepath.Join(h.home, ".ocne", "management"), "no embedded one in its place")
		})
	}
}

func TestAnInterruptedManagementClusterOnLibvirtStaysWhenItShallBeLookedAt(t *testing.T) {
	h := newLibvirtHost(t)
	h.hasImages()
	h.order.KeepOnError = true
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var told strings.Builder
	_, err := h.order.openOrMake(ctx, listening(func(text string) {
		told.WriteString(text + "\n")
		if strings.Contains(text, "waiting for the API at") {
			interrupt()
		}
	}))
	var unfinished *UnfinishedError
	require.ErrorAs(t, err, &unfinished)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, unfinished.Begun)
	require.Contains(t, err.Error(), "management cluster: not ready")
	require.Contains(t, h.virsh("list", "--name"), "small-control-plane-1")
	require.Contains(t, told.String(), "Remove it: ocne cluster delete --provider libvirt --session qemu:///system")
	require.NoDirExists(t, filepath.Join(h.home, ".ocne", "management"), "no embedded one in its place")
}

// asleep is an outpost on a libvirt host that answers once somebody has started it.
func asleep(t *testing.T, host string) (o *outpost, awake *atomic.Bool, remembered record.Management) {
	t.Helper()
	o, awake = newOutpost(t, "uid", demo()), &atomic.Bool{}
	answer := o.server.Config.Handler
	o.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !awake.Load() {
			http.Error(w, "asleep", http.StatusBadGateway)
			return
		}
		answer.ServeHTTP(w, r)
	})
	remembered = o.place()
	remembered.Kind, remembered.Host, remembered.Cluster = record.Libvirt, host, "small"
	return o, awake, remembered
}

func TestAManagementClusterOnLibvirtThatIsStoppedIsStarted(t *testing.T) {
	h := newLibvirtHost(t)
	h.define("")
	_, awake, remembered := asleep(t, "qemu:///system")
	o := h.order.Management
	o.recorded = &remembered
	m, err := OpenManagement(t.Context(), o, listening(func(text string) {
		awake.Store(awake.Load() || text == "Management cluster small: starting virtual machine small-control-plane-1")
	}))
	require.NoError(t, err)
	require.NotNil(t, m.hosted)
	require.NoError(t, m.Close())
	require.Contains(t, h.virsh("domstate", "small-control-plane-1"), "running")
}

func TestAStoppedManagementClusterThatHasBecomeSomebodyElsesIsNotStarted(t *testing.T) {
	h := newLibvirtHost(t)
	h.define("owner='alice' owner-id='1'")
	_, _, remembered := asleep(t, "qemu:///system")
	o := h.order.Management
	o.recorded = &remembered
	_, err := OpenManagement(t.Context(), o, progress.Quiet{})
	require.ErrorIs(t, err, libvirt.ErrOthers)
	require.ErrorContains(t, err, "does not answer")
	require.Contains(t, h.virsh("domstate", "small-control-plane-1"), "shut off")
}

func TestOnlyOfASilentManagementClusterOnLibvirtTheHostIsAsked(t *testing.T) {
	u := newUser(t)
	_, awake, remembered := asleep(t, "qemu:///system?socket="+filepath.Join(u.home, "none"))
	open := func(ctx context.Context, kind record.Kind) error {
		o := u.options()
		remembered.Kind = kind
		o.recorded = &remembered
		m, err := OpenManagement(ctx, o, u.report)
		if err == nil {
			require.NoError(t, m.Close())
		}
		return err
	}
	err := open(t.Context(), record.Libvirt)
	require.ErrorIs(t, err, libvirt.ErrNoDaemon)
	require.ErrorContains(t, err, "does not answer", "what the API said is told, too")
	require.NotErrorIs(t, open(t.Context(), record.Kubeconfig), libvirt.ErrNoDaemon)

	ended, end := context.WithCancel(t.Context())
	end()
	err = open(ended, record.Libvirt)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, libvirt.ErrNoDaemon)

	awake.Store(true)
	require.NoError(t, open(t.Context(), record.Libvirt), "who answers needs no host")
}
