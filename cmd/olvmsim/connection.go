package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// administrator is whom the control endpoint of a simulator serves.
const administrator = "admin@internal"

// connection is how a running simulator is reached.
type connection struct {
	url, caFile, password string
}

// addTo gives a command, and those below it, the flags of the connection, and has the password read before they run.
func (c *connection) addTo(command *cobra.Command) {
	command.PersistentPreRunE = func(*cobra.Command, []string) error { return c.readPassword() }
	flags := command.PersistentFlags()
	flags.StringVar(&c.url, "url", "https://127.0.0.1:8443/ovirt-engine", "the engine's URL")
	flags.StringVar(&c.caFile, "ca-file", "", "file with the certificate of the engine's CA")
	_ = command.MarkPersistentFlagRequired("ca-file") // fails only for a flag that does not exist
}

func (c *connection) readPassword() error {
	c.password = os.Getenv(passwordVariable)
	if c.password == "" {
		return errors.New(passwordVariable + " is not set: it must hold the password of " + administrator)
	}
	return nil
}

// get reads what the control endpoint answers at path into answer.
func (c *connection) get(ctx context.Context, path string, answer any) error {
	return c.call(ctx, http.MethodGet, path, nil, answer)
}

// post sends what to the control endpoint and reads what it answers.
func (c *connection) post(ctx context.Context, path string, what, answer any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, path, body, answer)
}

// put sends change to the control endpoint.
func (c *connection) put(ctx context.Context, path string, change any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPut, path, body, nil)
}

func (c *connection) call(ctx context.Context, method, path string, body []byte, answer any) error {
	base, err := url.Parse(c.url)
	if err != nil {
		return err
	}
	target, err := base.Parse(path)
	if err != nil {
		return err
	}
	transport, err := c.transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.SetBasicAuth(administrator, c.password)
	response, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(response.Body).Decode(answer)
	case http.StatusNoContent:
		return nil
	case http.StatusUnauthorized:
		return errors.New("the password in " + passwordVariable + " is not the simulator's")
	}
	said, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil || len(said) == 0 {
		return errors.New(response.Status)
	}
	return errors.New(strings.TrimSpace(string(said)))
}

func (c *connection) transport() (*http.Transport, error) {
	pem, err := os.ReadFile(c.caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.caFile)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}, nil
}
