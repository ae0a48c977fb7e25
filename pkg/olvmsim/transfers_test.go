package olvmsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// site is a simulator whose time the test moves.
type site struct {
	*client
	s *olvmsim.Simulator
}

func newSite(t *testing.T, options olvmsim.Options) site {
	t.Helper()
	options.Clock = olvmsim.Stepped
	s := olvmsim.New(t, options)
	return site{newClient(t, s), s}
}

func (s site) pass(d time.Duration) {
	s.t.Helper()
	require.NoError(s.t, s.s.Advance(d))
}

// disk makes a disk of 1 MiB on the storage domain data and returns its path. More is further JSON such as `"sparse":false,`.
func (s site) disk(format, more string) (path string) {
	s.t.Helper()
	a := s.must(http.StatusAccepted, http.MethodPost, "/disks", `{`+more+`"name":"d","format":"`+format+`","provisioned_size":1048576,
		"storage_domains":{"storage_domain":[{"name":"data"}]}}`)
	s.pass(2 * time.Second)
	return "/disks/" + a.text("id")
}

// transfer starts a transfer of the disk at the path.
func (s site) transfer(disk, direction, format, more string) answer {
	s.t.Helper()
	return s.must(http.StatusCreated, http.MethodPost, "/imagetransfers", `{`+more+`"direction":"`+direction+`","format":"`+format+`",
		"disk":{"id":"`+strings.TrimPrefix(disk, "/disks/")+`"}}`)
}

// raw sends a request to a data plane.
func (c *client) raw(method, url, body string, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	require.NoError(c.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.do(r)
}

func TestTransferIsReadyInTheReply(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	disk := s.disk("raw", "")
	id := strings.TrimPrefix(disk, "/disks/")
	a := s.must(http.StatusCreated, http.MethodPost, "/imagetransfers", `{"image":{"id":"`+id+`"}}`, "Correlation-Id", "up")
	path := "/imagetransfers/" + a.text("id")
	require.Equal(t, "transferring", a.text("phase"))
	require.Equal(t, "upload", a.text("direction"), "the default")
	require.Equal(t, "raw", a.text("format"))
	require.Equal(t, "legacy", a.text("timeout_policy"))
	require.Equal(t, "60", a.text("inactivity_timeout"))
	require.Equal(t, id, a.text("image.id"))
	require.Equal(t, "up", s.get("/hosts/"+a.text("host.id")).text("status"))
	for _, field := range []string{"active", "shallow", "transferred", "actions.link.4.href", "href"} {
		require.NotNil(t, a.at(field), field)
	}
	require.Regexp(t, `^https://127.0.0.1:\d+/images/[0-9a-f-]{36}$`, a.text("transfer_url"))
	require.Regexp(t, `^https://127.0.0.1:\d+/images/[0-9a-f-]{36}$`, a.text("proxy_url"))
	require.NotEqual(t, a.text("transfer_url"), a.text("proxy_url"))
	require.Equal(t, "locked", s.get(disk).text("status"))
	require.Equal(t, "started", s.search("jobs", "correlation_id=up").text("job.0.status"))

	half := strings.Repeat("x", 512<<10)
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, a.text("proxy_url"), half).status)
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, a.text("transfer_url"), half).status)
	require.Equal(t, "524288", s.get(path).text("transferred"), "bytes that are sent twice count once")
	require.Equal(t, "complete", s.must(http.StatusOK, http.MethodPost, path+"/finalize", "").text("status"))
	require.Equal(t, "started", s.search("jobs", "correlation_id=up").text("job.0.status"))
	s.pass(time.Second)
	require.Equal(t, "finished_success", s.get(path).text("phase"))
	require.Equal(t, "ok", s.get(disk).text("status"))
	require.Equal(t, "524288", s.get(disk).text("actual_size"))
	require.Equal(t, "finished", s.search("jobs", "correlation_id=up").text("job.0.status"))
	require.Equal(t, []any{path}, []any{"/imagetransfers/" + s.get("/imagetransfers").text("image_transfer.0.id")})
}

// step is something that happens to a transfer, and what is seen then.
type step struct {
	action string // an action, or a time that passes
	phase  string
	disk   string // "gone" if it must not exist
}

func TestTransfersWalkThroughTheirPhases(t *testing.T) {
	finalize := []step{{"finalize", "finalizing_success", "locked"}, {"1s", "finished_success", "ok"}}
	cancelUpload := []step{{"cancel", "cancelled_user", "locked"}, {"1s", "finalizing_cleanup", "locked"}, {"1s", "finished_cleanup", "gone"}}
	for name, test := range map[string]struct {
		options         olvmsim.ImageIOOptions
		direction, more string
		steps           []step
		keptFor         string
	}{
		"upload":   {direction: "upload", steps: finalize, keptFor: "14m59s"},
		"download": {direction: "download", steps: finalize, keptFor: "14m59s"},
		"paused, resumed, finalized": {direction: "upload", steps: append([]step{
			{"pause", "paused_user", "locked"}, {"20m", "paused_user", "locked"}, {"resume", "resuming", "locked"}, {"1s", "transferring", "locked"},
		}, finalize...)},
		"paused and finalized": {direction: "upload", steps: append([]step{{"pause", "paused_user", "locked"}}, finalize...)},
		"cancelled":            {direction: "upload", steps: cancelUpload, keptFor: "29m59s"},
		"paused and cancelled": {direction: "upload", steps: append([]step{{"pause", "paused_user", "locked"}}, cancelUpload...)},
		"download cancelled": {direction: "download", steps: []step{
			{"cancel", "cancelled_user", "locked"}, {"1s", "finalizing_cleanup", "locked"}, {"1s", "finished_cleanup", "ok"},
		}},
		"cancelled, as older engines do": {
			options: olvmsim.ImageIOOptions{LegacyCancel: true}, direction: "upload",
			steps: []step{{"cancel", "cancelled_user", "locked"}, {"1s", "finalizing_failure", "locked"}, {"1s", "finished_failure", "illegal"}},
		},
		"legacy time-out of an upload": {direction: "upload", more: `"timeout_policy":"legacy",`, steps: []step{
			{"59s", "transferring", "locked"}, {"1s", "paused_system", "locked"}, {"resume", "resuming", "locked"}, {"1s", "transferring", "locked"},
			{"60s", "paused_system", "locked"},
		}},
		"legacy time-out of a download": {direction: "download", steps: []step{
			{"60s", "cancelled_system", "locked"}, {"1s", "finalizing_failure", "locked"}, {"1s", "finished_failure", "ok"},
		}, keptFor: "29m59s"},
		"pause at the time-out of an upload":  {direction: "upload", more: `"timeout_policy":"pause",`, steps: []step{{"60s", "paused_system", "locked"}}},
		"pause at the time-out of a download": {direction: "download", more: `"timeout_policy":"pause",`, steps: []step{{"60s", "paused_system", "locked"}}},
		"cancel at the time-out of an upload": {direction: "upload", more: `"timeout_policy":"cancel",`, steps: []step{
			{"60s", "cancelled_system", "locked"}, {"1s", "finalizing_failure", "locked"}, {"1s", "finished_failure", "illegal"},
		}, keptFor: "29m59s"},
		"cancel at the time-out of a download": {direction: "download", more: `"timeout_policy":"cancel",`, steps: []step{
			{"60s", "cancelled_system", "locked"}, {"1s", "finalizing_failure", "locked"}, {"1s", "finished_failure", "ok"},
		}},
		"a time-out of its own": {direction: "upload", more: `"inactivity_timeout":300,`, steps: []step{
			{"299s", "transferring", "locked"}, {"1s", "paused_system", "locked"},
		}},
		"no time-out": {direction: "upload", more: `"inactivity_timeout":"0",`, steps: []step{{"29m", "transferring", "locked"}}},
		"extended": {direction: "upload", steps: []step{
			{"59s", "transferring", "locked"}, {"extend", "transferring", "locked"}, {"59s", "transferring", "locked"}, {"1s", "paused_system", "locked"},
		}},
		"no qcow2 was uploaded": {direction: "upload", more: `"format":"cow",`, steps: []step{
			{"finalize", "finalizing_success", "locked"}, {"1s", "finalizing_failure", "locked"}, {"1s", "finished_failure", "illegal"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, olvmsim.Options{ImageIO: test.options})
			disk := s.disk("cow", "")
			format := "raw"
			if strings.Contains(test.more, "cow") {
				test.more, format = "", "cow"
			}
			a := s.transfer(disk, test.direction, format, test.more)
			path := "/imagetransfers/" + a.text("id")
			for i, step := range test.steps {
				if d, err := time.ParseDuration(step.action); err == nil {
					s.pass(d)
				} else {
					s.must(http.StatusOK, http.MethodPost, path+"/"+step.action, "{}")
				}
				require.Equal(t, step.phase, s.get(path).text("phase"), "step %d: %s", i, step.action)
				if step.disk == "gone" {
					require.Equal(t, http.StatusNotFound, s.get(disk).status)
				} else {
					require.Equal(t, step.disk, s.get(disk).text("status"), "step %d: %s", i, step.action)
				}
				usable := step.phase == "transferring"
				require.Equal(t, usable, s.get(path).text("transfer_url") != "", "step %d: %s", i, step.action)
				if !usable {
					require.Equal(t, http.StatusForbidden, s.raw(http.MethodGet, a.text("transfer_url"), "").status, "the ticket is gone")
				}
			}
			if d, err := time.ParseDuration(test.keptFor); err == nil {
				s.pass(d)
				require.Equal(t, http.StatusOK, s.get(path).status)
				s.pass(time.Second)
				require.Equal(t, http.StatusNotFound, s.get(path).status)
			}
		})
	}
}

func TestWhatAClientDoesKeepsItsTransferAlive(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	a := s.transfer(s.disk("raw", ""), "upload", "raw", "")
	path := "/imagetransfers/" + a.text("id")
	for range 10 {
		s.pass(59 * time.Second)
		require.Equal(t, http.StatusOK, s.raw(http.MethodOptions, a.text("transfer_url"), "").status, "renewed before it expires")
	}
	s.pass(59 * time.Second)
	require.Equal(t, "transferring", s.get(path).text("phase"))
	s.pass(time.Second)
	require.Equal(t, "paused_system", s.get(path).text("phase"))
}

func TestAResumedTransferGoesOnWithANewTicket(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	disk := s.disk("raw", "")
	a := s.transfer(disk, "upload", "raw", "")
	path := "/imagetransfers/" + a.text("id")
	part := strings.Repeat("a", 1<<19)
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, a.text("transfer_url"), part).status)
	require.NoError(t, s.s.Engine().PauseTransfers("d*"))
	require.Equal(t, "paused_system", s.get(path).text("phase"))
	require.Equal(t, "524288", s.get(path).text("transferred"))
	require.Equal(t, http.StatusForbidden, s.raw(http.MethodPut, a.text("transfer_url"), part).status)
	s.must(http.StatusOK, http.MethodPost, path+"/resume", "")
	s.pass(time.Second)
	resumed := s.get(path)
	require.NotEqual(t, a.text("transfer_url"), resumed.text("transfer_url"))
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, resumed.text("transfer_url"), part, "Content-Range", "bytes 524288-1048575/*").status)
	require.Equal(t, "1048576", s.get(path).text("transferred"))
	s.must(http.StatusOK, http.MethodPost, path+"/finalize", "")
	s.pass(time.Second)
	down := s.transfer(disk, "download", "raw", "")
	require.Equal(t, part+part, s.raw(http.MethodGet, down.text("transfer_url"), "").raw)
}

func TestTransfersAreRefused(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	disk := s.disk("raw", "")
	id := strings.TrimPrefix(disk, "/disks/")
	const missing = "11111111-2222-3333-4444-555555555555"
	running := s.transfer(disk, "upload", "raw", "").text("id")
	download := s.transfer(s.disk("raw", ""), "download", "raw", "").text("id")
	ended := s.transfer(s.disk("raw", ""), "download", "raw", "").text("id")
	s.must(http.StatusOK, http.MethodPost, "/imagetransfers/"+ended+"/finalize", "")
	s.pass(time.Second)
	vm := s.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"n","cluster":{"name":"Default"},"template":{"name":"Blank"}}`).text("id")
	plugged := strings.TrimPrefix(s.disk("raw", ""), "/disks/")
	s.must(http.StatusCreated, http.MethodPost, "/vms/"+vm+"/diskattachments", `{"bootable":true,"active":true,"disk":{"id":"`+plugged+`"}}`)
	s.must(http.StatusOK, http.MethodPost, "/vms/"+vm+"/start", "")

	for _, test := range []struct {
		method, path, body string
		status             int
		reason, detail     string
	}{
		{http.MethodPost, "/imagetransfers", `{}`, 400, "Incomplete parameters", "ImageTransfer [image.id|disk.id|snapshot.id] required for add"},
		{http.MethodPost, "/imagetransfers", `{"disk":{"id":"` + missing + `"}}`, 404, "Operation Failed", "Entity not found: Disk: id=" + missing},
		{http.MethodPost, "/imagetransfers", `{"disk":{"id":"` + id + `"},"direction":"sideways"}`, 400, "Invalid value",
			"sideways is not a member of ImageTransferDirection"},
		{http.MethodPost, "/imagetransfers", `{"disk":{"id":"` + id + `"},"timeout_policy":"wait"}`, 400, "Invalid value",
			"wait is not a member of ImageTransferTimeoutPolicy"},
		{http.MethodPost, "/imagetransfers", `{"disk":{"id":"` + id + `"}}`, 409, "Operation Failed",
			"[Cannot transfer Virtual Disk: Disk is locked. Please try again later.]"},
		{http.MethodPost, "/imagetransfers", `{"disk":{"id":"` + plugged + `"}}`, 409, "Operation Failed",
			"[Cannot transfer Virtual Disk. Disk d is plugged to a VM that is not down: n.]"},
		{http.MethodDelete, disk, "", 409, "Operation Failed", "[Cannot remove Virtual Disk. Disk d is being transferred.]"},
		{http.MethodPut, disk, `{"provisioned_size":2097152}`, 409, "Operation Failed", "[Cannot edit Virtual Disk. Disk d is being transferred.]"},
		{http.MethodPost, "/imagetransfers/" + running + "/resume", "", 409, "Operation Failed",
			"[Cannot resume image transfer as it's not in a paused state.]"},
		{http.MethodPost, "/imagetransfers/" + download + "/pause", "", 409, "Operation Failed", "[Cannot pause image download]"},
		{http.MethodPost, "/imagetransfers/" + ended + "/finalize", "", 409, "Operation Failed",
			"[Cannot finalize image transfer in phase finished_success.]"},
		{http.MethodPost, "/imagetransfers/" + ended + "/cancel", "", 409, "Operation Failed", "[Cannot cancel image transfer in phase finished_success.]"},
		{http.MethodPost, "/imagetransfers/" + missing + "/finalize", "", 404, "", ""},
	} {
		a := s.must(test.status, test.method, test.path, test.body)
		require.Equal(t, test.reason, a.text("reason"), "bare: %s", a.raw)
		require.Equal(t, test.detail, a.text("detail"))
	}
}

// What fits a file on block storage is the logical volume, which initial_size makes.
func TestBlockStorageHoldsWhatItsVolumeHolds(t *testing.T) {
	inv := inventory.Default()
	inv.StorageDomains = append(inv.StorageDomains, inventory.StorageDomain{Name: "lun", Type: "fcp"})
	s := newSite(t, olvmsim.Options{Inventory: &inv})
	for more, volume := range map[string]int{`"initial_size":134217729,`: 256 << 20, ``: 2560 << 20} {
		a := s.must(http.StatusAccepted, http.MethodPost, "/disks", newDisk("lun", "d", "cow", more))
		s.pass(time.Second)
		require.Equal(t, fmt.Sprint(volume), s.get("/disks/"+a.text("id")).text("actual_size"))
		url := s.transfer("/disks/"+a.text("id"), "upload", "cow", "").text("transfer_url")
		at := func(offset int) string { return fmt.Sprintf("bytes %d-%d/*", offset, offset) }
		require.Equal(t, http.StatusOK, s.raw(http.MethodPut, url, "x", "Content-Range", at(volume-1)).status)
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, s.raw(http.MethodPut, url, "x", "Content-Range", at(volume)).status)
	}
}

func TestWithoutAHostATransferFailsAndLeavesTheDisk(t *testing.T) {
	inv := inventory.Default()
	for i := range inv.Hosts {
		inv.Hosts[i].Status = "maintenance"
	}
	s := newSite(t, olvmsim.Options{Inventory: &inv})
	disk := s.disk("raw", "")
	a := s.transfer(disk, "upload", "raw", "")
	require.Equal(t, "finished_failure", a.text("phase"))
	require.Equal(t, "ok", s.get(disk).text("status"))
}
