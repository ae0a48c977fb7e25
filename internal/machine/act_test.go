package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// The reason says who has to do something; nothing is terminal.
func TestARefusalIsShownWithItsReasonAndTriedAgain(t *testing.T) {
	for kind, reason := range map[ovirt.Kind]string{
		ovirt.Quota:       infrav1.OutOfCapacityReason,
		ovirt.Forbidden:   infrav1.PermissionMissingReason,
		ovirt.Auth:        infrav1.CredentialsRefusedReason,
		ovirt.Unavailable: infrav1.EngineUnavailableReason,
		ovirt.NotEngine:   infrav1.EngineUnavailableReason,
		ovirt.Conflict:    infrav1.EngineRefusedReason,
		ovirt.Invalid:     infrav1.EngineRefusedReason,
		ovirt.NotFound:    infrav1.EngineRefusedReason,
	} {
		plan := Refused(Start, &ovirt.Error{Kind: kind, Status: 409, Detail: "the engine's words"})
		require.Equal(t, reason, plan.Reason)
		require.Contains(t, plan.Message, "cannot start the VM: ")
		require.Contains(t, plan.Message, "the engine's words")
		require.Positive(t, plan.Wake)
	}
}
