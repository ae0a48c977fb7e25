package machine

import (
	"slices"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// The actions that give a VM its shape. Each may be repeated without harm.
const (
	AddTags        Action = "tag the VM"
	RemoveConsoles Action = "remove the graphics consoles"
	LiftProtection Action = "lift the delete protection"
)

// Shape is what the spec says of a VM beside its size and its devices, with the engine's ids for names.
type Shape struct {
	QuotaID, LeaseStorageDomainID string
	Tags                          []string
	// Headless VMs have no graphics console.
	Headless bool
	// Protected VMs were made so that nobody removes them in the engine; we lift it before we do.
	Protected bool
	// TemplateMayChange: the same choice of a VM template may mean another version later.
	TemplateMayChange bool
}

// tags are marks in the engine that the VM has to have.
func tags(d Desired, o Observation) (Plan, bool) {
	var missing []string
	for _, tag := range d.Shape.Tags {
		if !slices.Contains(o.Tags, tag) {
			missing = append(missing, tag)
		}
	}
	if len(missing) == 0 {
		return Plan{}, false
	}
	p := acting(AddTags, infrav1.CreatingReason, "the VM gets the tags %s", strings.Join(missing, ", "))
	p.Tags = missing
	return p, true
}

// headless takes the consoles away that came with the template: the request that makes a VM cannot say that it has none.
func headless(d Desired, o Observation) (Plan, bool) {
	if !d.Shape.Headless || o.VM.Display == "" {
		return Plan{}, false
	}
	return acting(RemoveConsoles, infrav1.CreatingReason, "the VM's graphics consoles are being removed"), true
}

// unprotected stands before every removal of the VM: an engine refuses that for a VM that is protected. A protection that the spec does not
// ask for is somebody else's, and stays.
func unprotected(d Desired, o Observation, remove Plan) Plan {
	if !d.Shape.Protected || !o.VM.DeleteProtected {
		return remove
	}
	return acting(LiftProtection, remove.Reason, "%s; before that its delete protection is lifted", remove.Message)
}
