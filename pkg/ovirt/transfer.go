package ovirt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"time"
)

// Phases of an image transfer: ImageTransferPhase in the API model.
const (
	PhaseInitializing     = "initializing"
	PhaseTransferring     = "transferring" // the URLs work
	PhaseResuming         = "resuming"
	PhasePausedSystem     = "paused_system" // the client was idle for too long, or the host has trouble
	PhasePausedUser       = "paused_user"
	PhaseFinishedSuccess  = "finished_success"
	PhaseFinishedFailure  = "finished_failure"
	PhaseFinishedCleanup  = "finished_cleanup" // cancelled; engines since 4.4.7 remove the disk of an upload
	phasePaused           = "paused_"
	phaseFinished         = "finished_"
	transferDirectionPush = "upload"
)

// What an engine does with an upload whose client is idle: ImageTransferTimeoutPolicy in the API model.
const (
	TimeoutPause  = "pause"
	TimeoutCancel = "cancel"
)

// ImageTransfer is a way for bytes into a disk or out of it. Whoever knows one of its URLs can use it without a login.
type ImageTransfer struct {
	ID, DiskID, HostID string
	Direction, Format  string
	Phase              string // one of the Phase constants, or one on the way to one of them
	// TransferURL is on a host, ProxyURL on the engine's own machine. Both are empty unless the phase is transferring.
	TransferURL, ProxyURL string
	Transferred           int64 // bytes, as last counted by the engine
}

// Paused tells that the transfer can be resumed.
func (t ImageTransfer) Paused() bool { return strings.HasPrefix(t.Phase, phasePaused) }

// Ended tells that the transfer is over. Engines list those for a while: 15 minutes after a success, 30 after a failure.
func (t ImageTransfer) Ended() bool { return strings.HasPrefix(t.Phase, phaseFinished) }

// String leaves the URLs out, so that a transfer can be logged.
func (t ImageTransfer) String() string { return "image transfer " + t.ID + " (" + t.Phase + ")" }

// GoString leaves the URLs out too.
func (t ImageTransfer) GoString() string { return t.String() }

// AddImageTransfer describes an upload into a disk.
type AddImageTransfer struct {
	DiskID string
	// Format of what is sent: raw for any disk, cow for a qcow2 file that is stored as it is in a disk of that format.
	Format string
	// InactivityTimeout is how long the client may be idle before TimeoutPolicy applies; whole seconds, 0 means the engine's 60 s.
	InactivityTimeout time.Duration
	TimeoutPolicy     string // one of the Timeout constants
}

// AddImageTransfer starts an upload; Conflict while the disk is locked. The reply of an engine has the URLs already.
func (c *Client) AddImageTransfer(ctx context.Context, t AddImageTransfer, correlationID string) (*ImageTransfer, error) {
	r := request{
		name: "imagetransfers.add", operation: "start upload to disk", object: t.DiskID, method: http.MethodPost, path: []string{"imagetransfers"},
		correlationID: correlationID, body: t.wire(),
	}
	if !validCorrelationID(correlationID) {
		return nil, r.invalid("the correlation id must be 1 to 36 letters, digits, '_' and '-'")
	}
	return one(ctx, c, r, imageTransferOf)
}

// ImageTransfer reads one image transfer. NotFound also means that it ended some time ago.
func (c *Client) ImageTransfer(ctx context.Context, id string) (*ImageTransfer, error) {
	return one(ctx, c, request{
		name: "imagetransfers.get", operation: "get image transfer", object: id, method: http.MethodGet, path: []string{"imagetransfers", id},
	}, imageTransferOf)
}

// ImageTransfers lists the image transfers, those that ended a short while ago included.
func (c *Client) ImageTransfers(ctx context.Context) ([]ImageTransfer, error) {
	return list(ctx, c, request{
		name: "imagetransfers.list", operation: "list image transfers", method: http.MethodGet, path: []string{"imagetransfers"},
	}, "image_transfer", imageTransferOf)
}

// FinalizeImageTransfer ends a transfer with success. The engine goes on after the reply: it looks at the image, and the phase
// becomes finished_success or finished_failure, in the latter case with an illegal disk.
func (c *Client) FinalizeImageTransfer(ctx context.Context, id string) error {
	return c.transferAction(ctx, id, "finalize")
}

// CancelImageTransfer ends a transfer without success. The engine goes on after the reply; the disk of an upload is removed or
// becomes illegal.
func (c *Client) CancelImageTransfer(ctx context.Context, id string) error {
	return c.transferAction(ctx, id, "cancel")
}

// PauseImageTransfer stops an upload until it is resumed: its URLs no longer work.
func (c *Client) PauseImageTransfer(ctx context.Context, id string) error {
	return c.transferAction(ctx, id, "pause")
}

// ResumeImageTransfer lets a paused transfer go on, with other URLs; Conflict when it is not paused.
func (c *Client) ResumeImageTransfer(ctx context.Context, id string) error {
	return c.transferAction(ctx, id, "resume")
}

func (c *Client) transferAction(ctx context.Context, id, action string) error {
	return c.do(ctx, request{
		name: "imagetransfers." + action, operation: action + " image transfer", object: id, method: http.MethodPost,
		path: []string{"imagetransfers", id, action}, body: wireAction{},
	}, nil)
}

// Trust is what a client checks certificates against, for the servers that an engine names.
type Trust struct {
	TLS *tls.Config
	// CAURL is where the engine serves its CA certificate, as PEM and without a login.
	CAURL string
}

// Trust is what this client checks the engine's certificate against, made anew. The hosts' certificates are signed by the engine's own CA.
func (c *Client) Trust() Trust {
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.config.InsecureSkipTLSVerify} //nolint:gosec // the user's choice
	if len(c.config.CA) > 0 {
		trust.RootCAs = x509.NewCertPool()
		trust.RootCAs.AppendCertsFromPEM(c.config.CA) // New has seen that there is one
	}
	return Trust{TLS: trust, CAURL: c.url + caResource}
}
