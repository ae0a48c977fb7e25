package main

import (
	"cmp"
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
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

type inventoryOptions struct {
	url, caFile, username, password, output string
}

func newInventoryCommand() *cobra.Command {
	options := inventoryOptions{url: "https://127.0.0.1:8443/ovirt-engine", username: "admin@internal"}
	command := &cobra.Command{
		Use:   "inventory",
		Short: "Show the VMs, disks and NICs that a running simulator holds",
		Long:  "Show the VMs, disks and NICs that a running simulator holds. The password is taken from " + passwordVariable + ".",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.password = os.Getenv(passwordVariable)
			return options.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.url, "url", options.url, "the engine's URL")
	flags.StringVar(&options.caFile, "ca-file", "", "file with the certificate of the engine's CA")
	flags.StringVarP(&options.output, "output", "o", "", "output format: a table, or json")
	_ = command.MarkFlagRequired("ca-file") // fails only for a flag that does not exist
	return command
}

func (o inventoryOptions) run(ctx context.Context, out io.Writer) error {
	if o.output != "" && o.output != "json" {
		return fmt.Errorf("--output %q: must be json or empty", o.output)
	}
	if o.password == "" {
		return errors.New(passwordVariable + " is not set: it must hold the password of " + o.username)
	}
	state, err := o.fetch(ctx)
	if err != nil {
		return fmt.Errorf("read inventory of %s: %w", o.url, err)
	}
	if o.output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(state)
	}
	return printState(out, state)
}

func (o inventoryOptions) fetch(ctx context.Context) (olvmsim.State, error) {
	var state olvmsim.State
	base, err := url.Parse(o.url)
	if err != nil {
		return state, err
	}
	pem, err := os.ReadFile(o.caFile)
	if err != nil {
		return state, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return state, fmt.Errorf("%s holds no certificate", o.caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.ResolveReference(&url.URL{Path: olvmsim.StatePath}).String(), nil)
	if err != nil {
		return state, err
	}
	request.SetBasicAuth(o.username, o.password)
	response, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return state, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return state, json.NewDecoder(response.Body).Decode(&state)
	case http.StatusUnauthorized:
		return state, errors.New("the password in " + passwordVariable + " is not the simulator's")
	}
	return state, errors.New(response.Status)
}

// printState leaves out the disks of templates: they are there from the start.
func printState(out io.Writer, state olvmsim.State) error {
	if len(state.VMs) > 0 {
		table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tSTATUS\tHOST\tADDRESSES")
		for _, v := range state.VMs {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.Name, v.Status, cmp.Or(v.Host, "-"), cmp.Or(strings.Join(v.Addresses, ","), "-"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	disks := 0
	for _, d := range state.Disks {
		if d.TemplateID == "" {
			disks++
		}
	}
	_, err := fmt.Fprintf(out, "%d VMs, %d disks, %d NICs\n", len(state.VMs), disks, len(state.NICs))
	return err
}
