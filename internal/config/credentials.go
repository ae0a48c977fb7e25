package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The environment variables that hold the engine's credentials.
const (
	UsernameVariable = "OCNE_OLVM_USERNAME"
	PasswordVariable = "OCNE_OLVM_PASSWORD"
	ScopeVariable    = "OCNE_OLVM_SCOPE"

	defaultScope       = "ovirt-app-api"
	credentialsFileKey = "providers.olvm.olvmOvirtAPIServer.credentialsFile"
)

// Credentials of the engine's API. The password never shows when they are printed or logged.
type Credentials struct {
	Username, Password, Scope string
}

// String hides the password.
func (c Credentials) String() string {
	return fmt.Sprintf("user %s, password hidden, scope %s", c.Username, c.Scope)
}

// GoString hides the password from %#v.
func (c Credentials) GoString() string { return "config.Credentials{" + c.String() + "}" }

// LogValue hides the password from structured logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText hides the password from encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Credentials come from the environment, and what is not there from the credentials file.
func (c *Config) Credentials(getenv func(string) string) (Credentials, error) {
	creds := Credentials{Username: getenv(UsernameVariable), Password: getenv(PasswordVariable), Scope: getenv(ScopeVariable)}
	name := string(c.OLVM.APIServer.CredentialsFile)
	if name != "" && (creds.Username == "" || creds.Password == "") {
		stored, err := readCredentials(name)
		if err != nil {
			return Credentials{}, fmt.Errorf("%s: %w", credentialsFileKey, err)
		}
		creds = creds.or(stored)
	}
	var missing []string
	if creds.Username == "" {
		missing = append(missing, UsernameVariable+" (such as admin@internal)")
	}
	if creds.Password == "" {
		missing = append(missing, PasswordVariable)
	}
	if len(missing) == 0 {
		return creds.or(Credentials{Scope: defaultScope}), nil
	}
	if name != "" {
		return Credentials{}, fmt.Errorf("the engine's credentials are incomplete: write the keys username and password in %s, or set %s",
			name, strings.Join(missing, " and "))
	}
	return Credentials{}, fmt.Errorf("the engine's credentials are missing: set %s, or name a file with the keys username and password in %s",
		strings.Join(missing, " and "), credentialsFileKey)
}

// or fills what is empty.
func (c Credentials) or(other Credentials) Credentials {
	if c.Username == "" {
		c.Username = other.Username
	}
	if c.Password == "" {
		c.Password = other.Password
	}
	if c.Scope == "" {
		c.Scope = other.Scope
	}
	return c
}

// readCredentials never repeats the file's content in an error.
func readCredentials(name string) (Credentials, error) {
	f, err := os.Open(name)
	if err != nil {
		return Credentials{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Credentials{}, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Credentials{}, fmt.Errorf("%s has mode %04o, so others may read the password: run chmod 600 %s", name, mode, name)
	}
	var content struct {
		Username string `yaml:"username"`
		Password string `yaml:"password"`
		Scope    string `yaml:"scope"`
	}
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(&content); err != nil {
		return Credentials{}, errors.New(name + " must be YAML with the keys username, password and scope, and no others")
	}
	return Credentials(content), nil
}
