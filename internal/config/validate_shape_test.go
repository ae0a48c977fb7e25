package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestWhatCannotBeSaidOfAMachinesShape(t *testing.T) {
	const machine = "providers.olvm.workerPools[0].machine."
	for _, tc := range []struct{ name, machine, key, says string }{
		{"more guaranteed than there is", "virtualMachine: {memory: 4GB, guaranteedMemory: 5Gi}", "virtualMachine.guaranteedMemory",
			"5Gi is more than memory, 4GB: a host cannot reserve what the VM does not have"},
		{"a limit below the memory", "virtualMachine: {memory: 4GB, maxMemory: 2Gi}", "virtualMachine.maxMemory",
			"2Gi is less than memory, 4GB, which it bounds"},
		{"no size", "virtualMachine: {maxMemory: much}", "virtualMachine.maxMemory",
			`size "much" is not a number with a unit, such as 7GB, 16Gi or 7168MB`},
		{"no type", "virtualMachine: {type: fast}", "virtualMachine.type", `"fast" is not known: write server, desktop or high_performance`},
		{"no protocol", "virtualMachine: {console: {graphics: rdp}}", "virtualMachine.console.graphics", `"rdp" is not known: write vnc, spice or none`},
		{"no priority", "virtualMachine: {highAvailability: {priority: 101}}", "virtualMachine.highAvailability.priority",
			"is 101: write 1 (low), 50 or 100 (high), or 0 for low"},
		{"a name and an id", "vmTemplateID: 1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11", "vmTemplateID",
			`takes the place of vmTemplateName: write one of them, and "" for the other where it is inherited`},
		{"no id", `vmTemplateName: "", vmTemplateID: ock`, "vmTemplateID",
			`"ock" is not an id of the engine: write one such as 1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11`},
		{"neither a name nor an id", `vmTemplateName: ""`, "vmTemplateName",
			"is required: write the name of the VM template that was made from the OCK image"},
		{"a version of an id", `vmTemplateName: "", vmTemplateID: 1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11, vmTemplateVersion: 2`, "vmTemplateVersion",
			"needs vmTemplateName: an id names one version"},
		{"no version", "vmTemplateVersion: newest", "vmTemplateVersion", `"newest" is not a version: write a number from 1 on, or latest`},
		{"no tag", `tags: ["a b"]`, "tags", `"a b" cannot be a tag of the engine: write letters, digits, '_', '.' and '-'`},
		{"a tag twice", "tags: [a, b, a]", "tags", `"a" is there twice`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := load(t, valid(t), fmt.Sprintf("providers: {olvm: {workerPools: [{name: odd, machine: {%s}}]}}", tc.machine), config.Flags{})
			var invalid *config.ValidationError
			require.ErrorAs(t, c.Validate(), &invalid)
			require.Equal(t, []config.Problem{{Key: machine + tc.key, Message: tc.says}}, invalid.Problems)
		})
	}
}

func TestTheShapeIsThatOfTheMachineTemplate(t *testing.T) {
	c, _ := load(t, valid(t), `providers: {olvm: {workerMachine: {vmTemplateVersion: 2, tags: "a, b", virtualMachine: {quotaName: q}}}}`, config.Flags{})
	require.NoError(t, c.Validate())
	spec := c.OLVM.WorkerMachine.Spec()
	require.Equal(t, "2", spec.VMTemplateVersion)
	require.Equal(t, []string{"a", "b"}, spec.Tags)
	require.Equal(t, "q", spec.VirtualMachine.QuotaName)
}
