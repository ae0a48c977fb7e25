package ovirt

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const transferReply = `{"id":"x1","phase":"transferring","direction":"upload","format":"raw","image":{"id":"d1"},"host":{"id":"h1"},
 "transfer_url":"https://host:54322/images/secret-ticket","proxy_url":"https://engine:54323/images/secret-ticket","transferred":"1024",
 "inactivity_timeout":"300","active":"false"}`

var wantTransfer = ImageTransfer{ // what transferReply means; never changed
	ID: "x1", DiskID: "d1", HostID: "h1", Direction: "upload", Format: "raw", Phase: PhaseTransferring,
	TransferURL: "https://host:54322/images/secret-ticket", ProxyURL: "https://engine:54323/images/secret-ticket", Transferred: 1024,
}

func TestDiskAndTransferCallsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.AddDisk(ctx, AddDisk{ID: "d1", Name: "ock", Description: "mark", StorageDomainID: "s1", Format: FormatCOW, Size: 16 << 30,
				InitialSize: 1 << 20}, "c1"))
		}, `POST /api/disks {"id":"d1","name":"ock","description":"mark","format":"cow","backup":"none","sparse":"true",` +
			`"provisioned_size":"17179869184","initial_size":"1048576","storage_domains":{"storage_domain":[{"id":"s1"}]}}`,
			`{"id":"d1","name":"ock","status":"locked"}`, Disk{ID: "d1", Name: "ock", Status: StatusLocked}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.AddDisk(ctx, AddDisk{ID: "d1", Name: "etcd", StorageDomainID: "s1", Format: FormatRaw, Size: 1 << 30, Preallocated: true,
				QuotaID: "q1"}, "c1"))
		}, `POST /api/disks {"id":"d1","name":"etcd","format":"raw","backup":"none","sparse":"false","provisioned_size":"1073741824",` +
			`"quota":{"id":"q1"},"storage_domains":{"storage_domain":[{"id":"s1"}]}}`,
			`{"id":"d1","name":"etcd","status":"locked"}`, Disk{ID: "d1", Name: "etcd", Status: StatusLocked}},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.DescribeDisk(ctx, "d1", "mark")) },
			`PUT /api/disks/d1 {"description":"mark"}`, `{"id":"d1"}`, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.RemoveDisk(ctx, "d1")) }, "DELETE /api/disks/d1", done, nil},
		{func(ctx context.Context, c *Client) (any, error) {
			return none(c.AttachDisk(ctx, vmID, DiskAttachment{DiskID: "d1", Interface: "virtio_scsi", Bootable: true, Active: true}))
		}, "POST /api/vms/" + vmID + `/diskattachments {"disk":{"id":"d1"},"interface":"virtio_scsi","bootable":"true","active":"true"}`,
			`{"id":"d1"}`, nil},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.AddImageTransfer(ctx, AddImageTransfer{DiskID: "d1", Format: FormatRaw, InactivityTimeout: 5 * time.Minute,
				TimeoutPolicy: TimeoutPause}, "c1"))
		}, `POST /api/imagetransfers {"disk":{"id":"d1"},"direction":"upload","format":"raw","inactivity_timeout":"300","timeout_policy":"pause"}`,
			transferReply, wantTransfer},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.ImageTransfer(ctx, "x1")) }, "GET /api/imagetransfers/x1",
			transferReply, wantTransfer},
		{func(ctx context.Context, c *Client) (any, error) { return c.ImageTransfers(ctx) }, "GET /api/imagetransfers",
			`{"image_transfer":[` + transferReply + `]}`, []ImageTransfer{wantTransfer}},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.FinalizeImageTransfer(ctx, "x1")) },
			"POST /api/imagetransfers/x1/finalize {}", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.CancelImageTransfer(ctx, "x1")) },
			"POST /api/imagetransfers/x1/cancel {}", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.PauseImageTransfer(ctx, "x1")) },
			"POST /api/imagetransfers/x1/pause {}", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.ResumeImageTransfer(ctx, "x1")) },
			"POST /api/imagetransfers/x1/resume {}", done, nil},
	})
}

func TestTemplateCallsOnTheWire(t *testing.T) {
	const version = `{"id":"t2","name":"ock","description":"d","comment":"mark","status":"locked","cluster":{"id":"c1"},
	 "version":{"version_number":"2","version_name":"1.33","base_template":{"id":"t1"}}}`
	want := Template{ID: "t2", Name: "ock", Description: "d", Comment: "mark", Status: StatusLocked, ClusterID: "c1", Version: 2,
		VersionName: "1.33", BaseID: "t1"}
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.AddTemplate(ctx, AddTemplate{Name: "ock", Description: "d", Comment: "mark", VMID: vmID, BaseID: "t1", VersionName: "1.33"}, "c1"))
		}, `POST /api/templates {"name":"ock","description":"d","comment":"mark","vm":{"id":"` + vmID +
			`"},"version":{"base_template":{"id":"t1"},"version_name":"1.33"}}`, version, want},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.Template(ctx, "t2")) }, "GET /api/templates/t2", version, want},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.RemoveTemplate(ctx, "t2")) }, "DELETE /api/templates/t2", done, nil},
	})
}

func TestNothingIsMadeTwiceForWantOfAnIDOrACorrelationID(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	c, ctx := e.client(t), t.Context()
	for _, call := range []func() error{
		func() error { _, err := c.AddDisk(ctx, AddDisk{Name: "ock"}, "c1"); return err },
		func() error { _, err := c.AddDisk(ctx, AddDisk{ID: "d1", Name: "ock"}, ""); return err },
		func() error { _, err := c.AddImageTransfer(ctx, AddImageTransfer{DiskID: "d1"}, "a b"); return err },
		func() error { _, err := c.AddTemplate(ctx, AddTemplate{Name: "ock"}, ""); return err },
		func() error { return c.RemoveDisk(ctx, "") },
		func() error { return c.RemoveTemplate(ctx, "") },
		func() error { return c.CancelImageTransfer(ctx, "") },
	} {
		require.ErrorIs(t, call(), Invalid)
	}
	require.Empty(t, e.carriedOut())
}

func TestPhasesOfATransfer(t *testing.T) {
	for phase, want := range map[string][2]bool{
		PhaseTransferring: {}, PhaseInitializing: {}, PhaseResuming: {}, "finalizing_success": {}, "cancelled_user": {},
		PhasePausedSystem: {true, false}, PhasePausedUser: {true, false},
		PhaseFinishedSuccess: {false, true}, PhaseFinishedFailure: {false, true}, PhaseFinishedCleanup: {false, true},
	} {
		transfer := ImageTransfer{Phase: phase}
		require.Equal(t, want, [2]bool{transfer.Paused(), transfer.Ended()}, phase)
	}
}

func TestATransfersURLsAreNotPrinted(t *testing.T) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, wantTransfer), "secret-ticket")
	}
}

func TestTrustIsThatOfTheClient(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	trust := e.client(t).Trust()
	require.Equal(t, e.URL+"/ovirt-engine"+caResource, trust.CAURL)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust.TLS}}
	reply, err := client.Get(e.URL)
	require.NoError(t, err)
	require.NoError(t, reply.Body.Close())
	client.CloseIdleConnections()

	all := e.client(t, func(c *Config) { c.CA, c.InsecureSkipTLSVerify = nil, true }).Trust()
	require.Nil(t, all.TLS.RootCAs)
	require.True(t, all.TLS.InsecureSkipVerify)
	require.Equal(t, uint16(tls.VersionTLS12), all.TLS.MinVersion)
}
