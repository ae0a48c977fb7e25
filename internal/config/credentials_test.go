package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/ocne-project/ocne/internal/config"
)

func environment(values map[string]string) func(string) string {
	return func(key string) string { return values[key] }
}

func withCredentialsFile(t *testing.T, name string) *config.Config {
	t.Helper()
	c, _ := load(t, valid(t), on(engine+".credentialsFile", name), config.Flags{})
	return c
}

func TestCredentialsComeFromTheEnvironmentOrAFile(t *testing.T) {
	file := write(t, "credentials.yaml", "username: file@internal\npassword: from-file\nscope: other\n")
	for _, tc := range []struct {
		name string
		env  map[string]string
		file string
		want config.Credentials
	}{
		{"environment", map[string]string{"OCNE_OLVM_USERNAME": "admin@internal", "OCNE_OLVM_PASSWORD": "p", "OCNE_OLVM_SCOPE": "s"}, "",
			config.Credentials{Username: "admin@internal", Password: "p", Scope: "s"}},
		{"the scope has a default", map[string]string{"OCNE_OLVM_USERNAME": "admin@internal", "OCNE_OLVM_PASSWORD": "p"}, "",
			config.Credentials{Username: "admin@internal", Password: "p", Scope: "ovirt-app-api"}},
		{"file", nil, file, config.Credentials{Username: "file@internal", Password: "from-file", Scope: "other"}},
		{"the environment wins", map[string]string{"OCNE_OLVM_PASSWORD": "p"}, file,
			config.Credentials{Username: "file@internal", Password: "p", Scope: "other"}},
		{"a file that is not needed is not read", map[string]string{"OCNE_OLVM_USERNAME": "u", "OCNE_OLVM_PASSWORD": "p"}, "/does/not/exist",
			config.Credentials{Username: "u", Password: "p", Scope: "ovirt-app-api"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			creds, err := withCredentialsFile(t, tc.file).Credentials(environment(tc.env))
			require.NoError(t, err)
			require.Equal(t, tc.want, creds)
		})
	}
}

func TestMissingCredentialsSayExactlyWhatToSet(t *testing.T) {
	_, err := withCredentialsFile(t, "").Credentials(environment(map[string]string{"OCNE_OLVM_USERNAME": "u"}))
	require.EqualError(t, err, "the engine's credentials are missing: set OCNE_OLVM_PASSWORD, or name a file with the keys username and password in "+
		"providers.olvm.olvmOvirtAPIServer.credentialsFile")
	_, err = withCredentialsFile(t, "").Credentials(environment(nil))
	require.ErrorContains(t, err, "set OCNE_OLVM_USERNAME (such as admin@internal) and OCNE_OLVM_PASSWORD")

	file := write(t, "credentials.yaml", "username: u\n")
	_, err = withCredentialsFile(t, file).Credentials(environment(nil))
	require.ErrorContains(t, err, file+", or set OCNE_OLVM_PASSWORD")
}

func TestCredentialsFileThatOthersMayReadIsRefused(t *testing.T) {
	file := write(t, "credentials.yaml", "username: u\npassword: p\n")
	require.NoError(t, os.Chmod(file, 0o640))
	_, err := withCredentialsFile(t, file).Credentials(environment(nil))
	require.ErrorContains(t, err, "has mode 0640, so others may read the password: run chmod 600 "+file)
}

func TestErrorsOfTheCredentialsFileDoNotRepeatIt(t *testing.T) {
	for _, text := range []string{"passwrod: s3cret", "s3cret", "password: [s3cret]"} {
		_, err := withCredentialsFile(t, write(t, "credentials.yaml", text)).Credentials(environment(nil))
		require.ErrorContains(t, err, "must be YAML with the keys username, password and scope")
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestPasswordNeverShows(t *testing.T) {
	creds := config.Credentials{Username: "admin@internal", Password: "s3cret", Scope: "ovirt-app-api"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb+"\n", creds)
		fmt.Fprintf(&out, verb+"\n", &creds)
		fmt.Fprintf(&out, verb+"\n", struct{ C config.Credentials }{creds})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "credentials", creds)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "credentials", creds)
	asJSON, err := json.Marshal(creds)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(creds)
	require.NoError(t, err)
	out.Write(asJSON)
	out.Write(asYAML)

	require.Contains(t, out.String(), "admin@internal")
	require.NotContains(t, out.String(), "s3cret")
}
