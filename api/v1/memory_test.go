package v1

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryLiesBetweenWhatIsGuaranteedAndItsLimit(t *testing.T) {
	const gib = int64(1) << 30
	for _, tc := range []struct {
		name                    string
		memory, guaranteed, max string
		want                    MemorySizes
		field, message          string
	}{
		{name: "memory alone is all three", memory: "7GB", want: MemorySizes{7 * gib, 7 * gib, 7 * gib}},
		{name: "all three, in different units", memory: "8Gi", guaranteed: "4096MB", max: "0.016T", want: MemorySizes{4 * gib, 8 * gib, 16777 << 20}},
		{name: "equal ones", memory: "8Gi", guaranteed: "8GB", max: "8192Mi", want: MemorySizes{8 * gib, 8 * gib, 8 * gib}},
		{name: "more is guaranteed than there is", memory: "8Gi", guaranteed: "9Gi", field: "guaranteedMemory",
			message: "virtualMachine.guaranteedMemory 9Gi is more than memory, 8Gi: a host cannot reserve what the VM does not have"},
		{name: "the limit is less than what there is", memory: "8Gi", max: "7Gi", field: "maxMemory",
			message: "virtualMachine.maxMemory 7Gi is less than memory, 8Gi, which it bounds"},
		{name: "no size", memory: "8Gi", max: "much", field: "maxMemory",
			message: `virtualMachine.maxMemory size "much" is not a number with a unit, such as 7GB, 16Gi or 7168MB`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sizes, err := VirtualMachine{Memory: tc.memory, GuaranteedMemory: tc.guaranteed, MaxMemory: tc.max}.MemorySizes()
			require.Equal(t, tc.want, sizes)
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			var wrong *FieldError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, tc.field, wrong.Field)
			require.EqualError(t, err, tc.message)
		})
	}
}
