package programs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// Inject makes something go wrong in the engine; it goes on until clear is called.
func (e *Engine) Inject(t testing.TB, fault olvmsim.Fault) (clear func()) {
	t.Helper()
	body, err := json.Marshal(fault)
	require.NoError(t, err)
	var added olvmsim.Fault
	require.NoError(t, json.Unmarshal(e.Call(t, http.MethodPost, olvmsim.FaultsPath, body), &added))
	return func() {
		t.Helper()
		e.Call(t, http.MethodDelete, olvmsim.FaultsPath+"/"+added.ID, nil)
	}
}

// Call makes one call of the engine's host as its administrator, expects that it succeeds, and returns the answer.
func (e *Engine) Call(t testing.TB, method, path string, body []byte) []byte {
	t.Helper()
	transport := e.Transport(t)
	defer transport.CloseIdleConnections()
	url := strings.TrimSuffix(e.URL, "/ovirt-engine") + path
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth(Username, Password)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("All-Content", "true") // of a VM, also what it boots with
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Less(t, resp.StatusCode, http.StatusMultipleChoices, "%s %s: %s", method, path, answer)
	return answer
}
