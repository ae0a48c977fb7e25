package v1

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConditionsOfToday(t *testing.T) {
	const stored = `{"conditions":[
		{"type":"Ready","status":"True","reason":"Reachable","message":"","lastTransitionTime":"2026-01-02T03:04:05Z","observedGeneration":3}
	]}`
	var status OLVMClusterStatus
	require.NoError(t, json.Unmarshal([]byte(stored), &status))
	require.Len(t, status.Conditions, 1)
	require.Equal(t, int64(3), status.Conditions[0].ObservedGeneration)
	again, err := json.Marshal(status)
	require.NoError(t, err)
	require.JSONEq(t, stored, string(again))
}

// An old object has conditions of a type of its own, whose fields are all plain texts.
func TestStoredConditionsThatAreNoneAreLeftOut(t *testing.T) {
	for name, condition := range map[string]string{
		"a time in words":   `{"type":"A","status":"True","reason":"R","lastTransitionTime":"yesterday"}`,
		"no time":           `{"type":"A","status":"True","reason":"R"}`,
		"an empty time":     `{"type":"A","status":"True","reason":"R","lastTransitionTime":""}`,
		"no reason":         `{"type":"A","status":"True","reason":"","lastTransitionTime":"2026-01-02T03:04:05Z"}`,
		"a reason of words": `{"type":"A","status":"True","reason":"all is well","lastTransitionTime":"2026-01-02T03:04:05Z"}`,
		"no type":           `{"status":"True","reason":"R","lastTransitionTime":"2026-01-02T03:04:05Z"}`,
		"another status":    `{"type":"A","status":"yes","reason":"R","lastTransitionTime":"2026-01-02T03:04:05Z"}`,
		"another kind":      `"Ready"`,
	} {
		t.Run(name, func(t *testing.T) {
			var status OLVMMachineStatus
			require.NoError(t, json.Unmarshal([]byte(`{"conditions":[`+condition+
				`,{"type":"B","status":"False","reason":"R","lastTransitionTime":"2026-01-02T03:04:05Z"}]}`), &status))
			require.Len(t, status.Conditions, 1)
			require.Equal(t, "B", status.Conditions[0].Type)
		})
	}
}
