package ovirt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
)

// Statuses of a VM: VmStatus in the API model.
const (
	StatusImageLocked      = "image_locked" // disks are being copied, or removed
	StatusDown             = "down"
	StatusWaitForLaunch    = "wait_for_launch"
	StatusPoweringUp       = "powering_up"
	StatusUp               = "up" // without a guest agent about 60 s after powering_up
	StatusRebootInProgress = "reboot_in_progress"
	StatusPoweringDown     = "powering_down"
	StatusPaused           = "paused"
	StatusSuspended        = "suspended"
	StatusSavingState      = "saving_state"
	StatusRestoringState   = "restoring_state"
	StatusMigrating        = "migrating"
	StatusNotResponding    = "not_responding"
	StatusUnassigned       = "unassigned"
	StatusUnknown          = "unknown"
)

// VM is a virtual machine as the engine reports it.
type VM struct {
	ID, Name, Description, Comment string
	Status                         string // one of the Status constants
	StatusDetail                   string // why a VM is paused, for example "eio" or "enospc"
	StopReason                     string
	ClusterID                      string
	// TemplateID is the Blank template's for a clone; OriginalTemplateID is the one that it was made from.
	TemplateID, OriginalTemplateID      string
	HostID                              string // only while the VM runs
	Memory, GuaranteedMemory, MaxMemory int64  // bytes
	CPU                                 CPUTopology
	Architecture                        string
	OSType, BIOSType, Type              string
	// HasInitialization tells that the engine holds a boot document (custom_script). The document itself is not kept.
	HasInitialization bool
	HostIDs           []string          // as in AddVM; only administrators see them
	HighAvailability  *HighAvailability // nil for a VM that is not started again
	// LeaseStorageDomainID is the storage domain with the VM's lease.
	LeaseStorageDomainID string
	DeleteProtected      bool
	QuotaID              string // empty where the engine does not say
	Display              string // one of the Display constants; empty for a VM without a graphics console
	// SerialConsole is known only from the reply to AddVM: engines leave it out of other replies unless all content is asked for.
	SerialConsole bool
}

// HighAvailability is the order in which the engine starts VMs again.
type HighAvailability struct {
	Priority int // 0 to 100, the highest first; the administration portal's words are 1 (low), 50 (medium) and 100 (high)
}

// Protocols of the graphics console: DisplayType in the API model.
const (
	DisplayVNC   = "vnc"
	DisplaySPICE = "spice"
)

// CPUTopology is what the guest sees; a zero leaves the template's value.
type CPUTopology struct {
	Sockets, Cores, Threads int
}

// AddVM describes a new VM. What is left empty comes from the template.
type AddVM struct {
	ID                                  string // chosen by the caller, a UUID; required
	Name                                string // at most 64 of letters, digits, '_', '-', '.'
	Description, Comment                string
	ClusterID, TemplateID               string
	Memory, GuaranteedMemory, MaxMemory int64 // bytes
	CPU                                 CPUTopology
	Architecture                        string // for example x86_64
	OSType                              string // decides how CustomScript reaches the guest: Ignition for rhcos_x64, cloud-init else
	BIOSType                            string
	Type                                string // empty means server
	CustomScript                        string // the boot document
	// Initialization is the rest of what cloud-init is told; it does not go together with Ignition (see Initialization).
	Initialization Initialization
	Clone          bool // copy the template's disks instead of depending on them
	// HostIDs are the only hosts that the VM starts on; none means any of the cluster. It can be migrated to others.
	HostIDs []string
	// HighAvailability makes the engine start the VM again, elsewhere too, when it or its host fails; nil leaves the template's value.
	HighAvailability *HighAvailability
	// LeaseStorageDomainID is a storage domain for a lease of the VM, so that the engine may start a highly available VM elsewhere
	// also while it does not know that the first host is off.
	LeaseStorageDomainID string
	// DeleteProtected makes RemoveVM a Conflict until UpdateVM ends it.
	DeleteProtected bool
	QuotaID         string // of the VM's memory and processors
	Display         string // one of the Display constants; the template's consoles when empty. See RemoveGraphicsConsoles for none
	SerialConsole   bool
	// Disks says where and how the template's disks become the VM's; those that are not named stay where the template's are.
	Disks []AddVMDisk
}

// AddVMDisk says what becomes of a disk of the template.
type AddVMDisk struct {
	ID string // of the template's disk; required
	// StorageDomainID is where the VM's disk goes. Without Clone it must be one that holds the template's disk.
	StorageDomainID string
	Format          string // one of the Format constants; only with Clone
	Sparse          *bool  // allocate as the guest writes; only with Clone
	QuotaID         string // of the disk's size
}

// VMs lists the VMs that match a search (see SearchTerm), all for an empty one, with one call: without "page N" in the search
// an engine does not page. At user level (see UserLevel) the engine ignores the search.
func (c *Client) VMs(ctx context.Context, search string) ([]VM, error) {
	return list(ctx, c, request{
		name: "vms.list", operation: "list VMs", method: http.MethodGet, path: []string{"vms"}, query: searchQuery(search),
	}, "vm", vmOf)
}

// VM reads one VM.
func (c *Client) VM(ctx context.Context, id string) (*VM, error) {
	return one(ctx, c, request{
		name: "vms.get", operation: "get VM", object: id, method: http.MethodGet, path: []string{"vms", id},
	}, vmOf)
}

// AddVM creates a VM, which is image_locked until its disks are there. Exists means that the name or the id is taken, and
// Conflict that the name is locked: on both, and on Unavailable, VM(v.ID) tells whether an earlier try was carried out.
// The correlation id marks the engine's jobs (see Jobs): at most 36 letters, digits, '_' and '-'; the engine would cut a longer one.
//
// Engines take the id although the API model does not say so: VmMapper passes it on, and AddVmCommand refuses one that exists.
func (c *Client) AddVM(ctx context.Context, v AddVM, correlationID string) (*VM, error) {
	r := request{
		name: "vms.add", operation: "add VM", object: v.Name, method: http.MethodPost, path: []string{"vms"},
		correlationID: correlationID, body: v.wire(),
	}
	if v.ID == "" {
		return nil, r.invalid("an id is needed: without one a repeated call makes a second VM")
	}
	if !validCorrelationID(correlationID) {
		return nil, r.invalid("the correlation id must be 1 to 36 letters, digits, '_' and '-'")
	}
	for _, disk := range v.Disks {
		if disk.ID == "" {
			return nil, r.invalid("the id of the template's disk is empty")
		}
	}
	if v.Clone {
		r.query = url.Values{"clone": {"true"}}
	}
	return one(ctx, c, r, vmOf)
}

// ClearInitialization empties the boot document that the engine holds. The engine merges a PUT into what it has, so only an
// empty custom_script removes it (an empty initialization changes nothing: InitializationMapper); it does so at once for a
// running VM too (vmInit is editable in every status: VmBase).
func (c *Client) ClearInitialization(ctx context.Context, id string) error {
	return c.do(ctx, request{
		name: "vms.update", operation: "clear boot document of VM", object: id, method: http.MethodPut, path: []string{"vms", id},
		body: wireVM{Initialization: &wireInitialization{CustomScript: new("")}},
	}, nil)
}

// RemoveGraphicsConsoles makes a VM that is down headless; Conflict when it runs or is locked. A POST of a VM cannot say that it
// has none.
func (c *Client) RemoveGraphicsConsoles(ctx context.Context, vmID string) error {
	consoles, err := list(ctx, c, request{
		name: "vms.graphicsconsoles.list", operation: "list graphics consoles of VM", object: vmID,
		method: http.MethodGet, path: []string{"vms", vmID, "graphicsconsoles"},
	}, "graphics_console", func(w *reference) string { return w.ID })
	if err != nil {
		return err
	}
	for _, id := range consoles {
		err := c.do(ctx, request{
			name: "vms.graphicsconsoles.remove", operation: "remove graphics console " + id + " of VM", object: vmID,
			method: http.MethodDelete, path: []string{"vms", vmID, "graphicsconsoles", id},
		}, nil)
		if err != nil && !errors.Is(err, NotFound) {
			return err
		}
	}
	return nil
}

// StartVM starts a VM; Conflict when it runs already or is locked, Quota when no host has room.
func (c *Client) StartVM(ctx context.Context, id string) error {
	return c.vmAction(ctx, id, "start", wireAction{})
}

// StartVMWithInitialization does the same for a VM that has not come up yet, and gives it its initialization however often it was tried: of
// itself the engine does so once, and counts a start as soon as the host has accepted it (RunVmCommand.updateVmInit), whatever becomes of it.
func (c *Client) StartVMWithInitialization(ctx context.Context, id string) error {
	return c.vmAction(ctx, id, "start", wireAction{UseInitialization: true})
}

// StopVM turns the power off, also while a backup or an image transfer runs; Conflict when the VM is down.
func (c *Client) StopVM(ctx context.Context, id string) error {
	return c.vmAction(ctx, id, "stop", wireAction{Force: true})
}

// ShutdownVM asks the guest to shut down, which it may ignore; Conflict when the VM is down.
func (c *Client) ShutdownVM(ctx context.Context, id string) error {
	return c.vmAction(ctx, id, "shutdown", wireAction{})
}

func (c *Client) vmAction(ctx context.Context, id, action string, parameters wireAction) error {
	return c.do(ctx, request{
		name: "vms." + action, operation: action + " VM", object: id, method: http.MethodPost, path: []string{"vms", id, action},
		body: parameters,
	}, nil)
}

// RemoveVM removes a VM that is down, with every disk that is attached to it: detach first what is to stay. The engine goes on
// after the reply; the VM is gone when VM says NotFound.
func (c *Client) RemoveVM(ctx context.Context, id string) error {
	return c.do(ctx, request{
		name: "vms.remove", operation: "remove VM", object: id, method: http.MethodDelete, path: []string{"vms", id},
	}, nil)
}

func (r request) invalid(text string) *Error {
	return &Error{Kind: Invalid, Operation: r.operation, Object: r.object, Err: errors.New(text)}
}

func validCorrelationID(id string) bool {
	return regexp.MustCompile(`^[0-9A-Za-z_-]{1,36}$`).MatchString(id)
}
