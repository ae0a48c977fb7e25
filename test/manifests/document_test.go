package manifests

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"

	"github.com/ocne-project/ocne/test/programs"
)

// bootDocument is what the first VM of a group boots with, read from the engine.
func bootDocument(t *testing.T, e *programs.Engine, group string) types.Config {
	t.Helper()
	var id string
	programs.Eventually(t, "a VM of "+group, func() (bool, string) {
		vms, err := e.Client.VMs(t.Context(), "")
		require.NoError(t, err)
		for _, vm := range vms {
			if strings.HasPrefix(vm.Name, group+"-") {
				id = vm.ID
			}
		}
		return id != "", "there is none"
	})
	var vm struct {
		Initialization struct {
			CustomScript string `json:"custom_script"`
		} `json:"initialization"`
	}
	require.NoError(t, json.Unmarshal(e.Call(t, http.MethodGet, "/ovirt-engine/api/vms/"+id, nil), &vm))
	return parse(t, vm.Initialization.CustomScript)
}

func parse(t *testing.T, document string) types.Config {
	t.Helper()
	config, report, err := v3_4.Parse([]byte(document))
	require.NoError(t, err, "%s", report)
	return config
}

// expectContains checks that a document makes everything that a part of it asks for.
func expectContains(t *testing.T, document types.Config, part string) {
	t.Helper()
	want := parse(t, part)
	for _, file := range want.Storage.Files {
		i := slices.IndexFunc(document.Storage.Files, func(f types.File) bool { return f.Path == file.Path })
		require.GreaterOrEqual(t, i, 0, file.Path)
		have := document.Storage.Files[i]
		require.Equal(t, decoded(t, file.Contents), decoded(t, have.Contents), file.Path)
		require.Equal(t, file.Mode, have.Mode, file.Path)
		require.Equal(t, file.User, have.User, file.Path)
		require.Equal(t, file.Group, have.Group, file.Path)
		require.Empty(t, have.Append, file.Path)
	}
	for _, directory := range want.Storage.Directories {
		require.True(t, slices.ContainsFunc(document.Storage.Directories, func(d types.Directory) bool { return d.Path == directory.Path }), directory.Path)
	}
	for _, user := range want.Passwd.Users {
		require.Contains(t, document.Passwd.Users, user)
	}
	for _, group := range want.Passwd.Groups {
		require.Contains(t, document.Passwd.Groups, group)
	}
	for _, unit := range want.Systemd.Units {
		i := slices.IndexFunc(document.Systemd.Units, func(u types.Unit) bool { return u.Name == unit.Name })
		require.GreaterOrEqual(t, i, 0, unit.Name)
		have := document.Systemd.Units[i]
		require.Equal(t, unit.Enabled, have.Enabled, unit.Name)
		if unit.Contents != nil {
			require.Equal(t, unit.Contents, have.Contents, unit.Name)
		}
		for _, dropin := range unit.Dropins {
			require.Contains(t, have.Dropins, dropin, unit.Name)
		}
	}
}

func contents(t *testing.T, document types.Config, path string) string {
	t.Helper()
	i := slices.IndexFunc(document.Storage.Files, func(f types.File) bool { return f.Path == path })
	require.GreaterOrEqual(t, i, 0, path)
	return decoded(t, document.Storage.Files[i].Contents)
}

func decoded(t *testing.T, r types.Resource) string {
	t.Helper()
	require.NotNil(t, r.Source)
	url, err := dataurl.DecodeString(*r.Source)
	require.NoError(t, err)
	if r.Compression == nil || *r.Compression == "" {
		return string(url.Data)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(url.Data))
	require.NoError(t, err)
	plain, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	return string(plain)
}
