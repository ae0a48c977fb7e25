package olvmsim_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// course is a client that does anything, in an installation where anything goes wrong.
type course struct {
	site
	random *rand.Rand
	told   []string
}

// one picks an object of a collection, or an id of none.
func (c *course) one(collection string) string {
	list, _ := c.call(http.MethodGet, "/"+collection, "").at(map[string]string{
		"vms": "vm", "disks": "disk", "imagetransfers": "image_transfer", "templates": "template",
	}[collection]).([]any)
	if len(list) == 0 {
		return "/" + collection + "/" + vmID
	}
	return "/" + collection + "/" + list[c.random.IntN(len(list))].(map[string]any)["id"].(string)
}

// step makes one call or disturbance.
func (c *course) step() {
	name := fmt.Sprintf("n%d", c.random.IntN(12))
	post := func(path, body string) { c.tell(http.MethodPost, path, body) }
	disturb := func(e olvmsim.Effect) {
		_, err := c.s.Inject(olvmsim.Fault{Effect: e})
		c.told = append(c.told, fmt.Sprintf("%s %v", e.Kind, err))
	}
	steps := []func(){
		func() { post("/vms", vmBody(`,"name":"`+name+`"`)) },
		func() { post("/vms?clone=true", vmBody(`,"name":"`+name+`"`)) },
		func() { c.tell(http.MethodDelete, c.one("vms"), "") },
		func() { c.tell(http.MethodDelete, c.one("vms")+"?force=true", "") },
		func() { post(c.one("vms")+"/start", "{}") },
		func() { post(c.one("vms")+"/start", `{"pause":"true"}`) },
		func() { post(c.one("vms")+"/stop", "{}") },
		func() { post(c.one("vms")+"/shutdown", "{}") },
		func() { post(c.one("vms")+"/reboot", "{}") },
		func() { post(c.one("vms")+"/suspend", "{}") },
		func() { post(c.one("vms")+"/migrate", "{}") },
		func() { post(c.one("vms")+"/snapshots", `{"description":"s"}`) },
		func() { post(c.one("vms")+"/nics", `{"name":"`+name+`"}`) },
		func() { c.tell(http.MethodPut, c.one("vms"), `{"name":"`+name+`"}`) },
		func() {
			post("/disks", `{"name":"d","format":"raw","provisioned_size":"1048576","storage_domains":{"storage_domain":[{"name":"data"}]}}`)
		},
		func() { c.tell(http.MethodDelete, c.one("disks"), "") },
		func() { c.tell(http.MethodPut, c.one("disks"), `{"provisioned_size":"21474836480"}`) },
		func() {
			post(c.one("vms")+"/diskattachments", `{"bootable":"false","interface":"virtio","disk":{"id":"`+filepath.Base(c.one("disks"))+`"}}`)
		},
		func() { post("/imagetransfers", `{"disk":{"id":"`+filepath.Base(c.one("disks"))+`"},"format":"raw"}`) },
		func() { post(c.one("imagetransfers")+"/finalize", "{}") },
		func() { post(c.one("imagetransfers")+"/cancel", "{}") },
		func() { post("/templates", `{"name":"t`+name+`","vm":{"id":"`+filepath.Base(c.one("vms"))+`"}}`) },
		func() {
			if c.random.IntN(4) == 0 {
				c.tell(http.MethodDelete, c.one("templates"), "")
			}
		},
		func() {
			disturb(olvmsim.Effect{Kind: olvmsim.HostDown, Host: fmt.Sprintf("host%d", 1+c.random.IntN(3)), Migrate: c.random.IntN(2) == 0})
		},
		func() { c.hostsUp() },
		func() { disturb(olvmsim.Effect{Kind: olvmsim.VMPoweredOff, VM: name}) },
		func() { disturb(olvmsim.Effect{Kind: olvmsim.VMRemoved, VM: name}) },
		func() {
			disturb(olvmsim.Effect{Kind: olvmsim.VMRenamed, VM: name, NewName: fmt.Sprintf("n%d", c.random.IntN(12))})
		},
		func() { disturb(olvmsim.Effect{Kind: olvmsim.TransferPaused}) },
		func() {
			disturb(olvmsim.Effect{Kind: olvmsim.EngineRestart})
			c.token = signOn(c.t, c.client, c.s).text("access_token")
		},
		func() { c.pass(time.Duration(c.random.IntN(5000)) * time.Millisecond) },
		func() { c.pass(time.Duration(c.random.IntN(120)) * time.Second) },
	}
	if n := c.random.IntN(len(steps) + 8); n < len(steps) {
		steps[n]()
		return
	}
	c.hostsUp() // what follows is a good course: VMs get down, up and so on
	c.pass(2 * time.Minute)
	post(c.one("vms")+"/start", "{}")
}

func (c *course) hostsUp() {
	for _, name := range []string{"host1", "host2", "host3"} {
		require.NoError(c.t, c.s.SetHostStatus(name, "up"))
	}
}

func (c *course) tell(method, path, body string) {
	a := c.call(method, path, body)
	c.told = append(c.told, fmt.Sprintf("%s %s %s: %d %s", method, path, body, a.status, a.text("detail")))
	require.NotEqual(c.t, http.StatusInternalServerError, a.status, a.raw)
}

// Whatever clients and the world do, nothing impossible comes of it, and all that is under way ends, also in a simulator that
// goes on from a saved state.
func TestRandomRunsKeepTheStateInOrder(t *testing.T) {
	for seed := range int64(12) {
		c := &course{site: newSite(t, olvmsim.Options{Seed: seed + 1}), random: rand.New(rand.NewPCG(uint64(seed), 0))}
		for range 120 {
			c.step()
			require.NoError(t, c.s.Check(), "seed %d, after %q", seed, c.told)
		}
		var saved bytes.Buffer
		require.NoError(t, c.s.Save(&saved))
		file := filepath.Join(t.TempDir(), "state.json")
		require.NoError(t, os.WriteFile(file, saved.Bytes(), 0o600))
		loaded := newSite(t, olvmsim.Options{LoadFile: file, StateDir: c.s.StateDir()})
		for _, s := range []site{c.site, loaded} {
			s.pass(10 * time.Minute)
			s.token = signOn(t, s.client, s.s).text("access_token")
			transfers, _ := s.get("/imagetransfers").at("image_transfer").([]any)
			for _, transfer := range transfers { // those that are paused wait for their users as long as it takes
				s.call(http.MethodPost, "/imagetransfers/"+transfer.(map[string]any)["id"].(string)+"/cancel", "")
			}
			s.pass(2 * time.Hour)
			require.NoError(t, s.s.Check(), "seed %d, after %q", seed, c.told)
			for _, v := range s.s.VMs() {
				require.Contains(t, []string{"up", "down", "paused", "suspended"}, v.Status, "seed %d: %s after %q", seed, v.Name, c.told)
			}
			for _, d := range s.s.Disks() {
				require.NotEqual(t, "locked", d.Status, "seed %d: %s", seed, d.Alias)
			}
			for _, j := range s.s.Jobs() {
				require.NotEqual(t, "started", j.Status, "seed %d: %s", seed, j.Description)
			}
		}
	}
}

// Everything that shows is decided by the seed and the calls: two runs are the same, and so is a replay.
func TestRandomRunsAreTheSameTwice(t *testing.T) {
	for seed := range int64(6) {
		options := olvmsim.Options{Seed: seed + 1}
		run := func() (journal []olvmsim.Request, state string) {
			c := &course{site: newSite(t, options), random: rand.New(rand.NewPCG(uint64(seed), 1))}
			for range 150 {
				c.step()
			}
			c.pass(time.Minute)
			return olvmsim.Reproducible(c.s.Requests()), c.saved()
		}
		journal, state := run()
		again, stateAgain := run()
		require.Equal(t, len(journal), len(again), "seed %d", seed)
		for i := range journal {
			require.Equal(t, journal[i], again[i], "seed %d, call %d", seed, i)
		}
		require.Equal(t, state, stateAgain, "seed %d", seed)

		replayed := newSite(t, options)
		differences, err := replayed.s.Replay(t.Context(), journal)
		require.NoError(t, err)
		require.Empty(t, differences, "seed %d", seed)
	}
}

func (s site) saved() string {
	s.t.Helper()
	var out bytes.Buffer
	require.NoError(s.t, s.s.Save(&out))
	// URLs of tickets name random ports.
	return regexp.MustCompile(`https://127\.0\.0\.1:\d+/`).ReplaceAllString(out.String(), "")
}
