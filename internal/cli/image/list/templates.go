package list

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/image/template"
)

// Template is one version of a VM template.
type Template struct {
	Name        string `json:"name"`
	Version     int    `json:"version"`
	VersionName string `json:"versionName"`
	ID          string `json:"id"`
	Digest      string `json:"digest"`
	// Newest versions are those that machines are made from.
	Newest bool     `json:"newest"`
	VMs    []string `json:"vms"`
}

func (o *Options) listTemplates(ctx context.Context) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{ClusterFile: o.ConfigFile, Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	return env.WithEngine(ctx, c, func(m *image.Maker) error {
		versions, err := m.Templates(ctx, c.OLVM.DatacenterName, "")
		if err != nil {
			return err
		}
		return o.printTemplates(versions)
	})
}

func (o *Options) printTemplates(versions []template.Version) error {
	streams := o.Environment.Streams
	listed := make([]Template, 0, len(versions))
	var rows [][]string
	for _, v := range versions {
		t := v.Template
		listed = append(listed, Template{
			Name: t.Name, Version: t.Version, VersionName: t.VersionName, ID: t.ID, Digest: v.Mark.Digest, Newest: v.Newest, VMs: append([]string{}, v.VMs...),
		})
		use := "old"
		if v.Newest {
			use = "newest"
		}
		rows = append(rows, []string{t.Name, strconv.Itoa(t.Version), t.VersionName, short(v.Mark.Digest), use, strconv.Itoa(len(v.VMs))})
	}
	if o.Output.ForPrograms() {
		return output.Print(streams.Out, o.Output, listed)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(streams.Err, "No VM templates that ocne has made.")
		return err
	}
	return output.Table(streams.Out, []string{"TEMPLATE", "VERSION", "IMAGE", "DIGEST", "USE", "VMS"}, rows)
}
