package loadbalancer

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

const (
	// Keepalived runs scripts only where none but root may write. OCK's own check is in this folder, too; the SELinux policy of
	// distributions lets nothing in it ask the API server (docs/howto/cloud-init-images.md).
	checkScript   = "/etc/keepalived/check-eligible.sh"
	refreshScript = "/etc/ocne/load-balancer/refresh.sh"
	settingsFile  = "/etc/ocne/load-balancer/settings"
	// firstMark is on the node that made the cluster, until it has seen itself among the API servers.
	firstMark = "/etc/ocne/load-balancer/first"
	sysctls   = "/etc/sysctl.d/90-ocne-load-balancer.conf"
)

//go:embed templates
var templates embed.FS

// File is a file of the node, owned by root.
type File struct {
	Path string
	Mode int
	Text string
}

// Unit is a unit of systemd.
type Unit struct {
	Name     string
	Enabled  bool
	Contents string // empty for a unit that the image has
	Dropin   string // empty for none; named DropinName
}

// DropinName is the name of what is added to the image's own units.
const DropinName = "50-ocne-load-balancer.conf"

// paths adds where the files are, for the templates.
type paths struct {
	Config
	Keepalived, Check, Refresh, SettingsFile, First string
}

// Files are what the node's programs read. Equal configurations give equal files.
func Files(c Config) ([]File, error) {
	list := []struct {
		path, template string
		mode           int
	}{
		{KeepalivedConfiguration, "keepalived.conf.tmpl", 0o644},
		{checkScript, "check-eligible.sh", 0o755},
		{c.Image.NGINX.Configuration, "nginx.conf.tmpl", 0o644},
		{refreshScript, "refresh.sh", 0o755},
		{settingsFile, "settings.tmpl", 0o644},
		{sysctls, "sysctl.conf", 0o644},
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var files []File
	for _, f := range list {
		text, err := render(f.template, c)
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.path, f.mode, text})
	}
	if c.First {
		files = append(files, File{firstMark, 0o644, "This node makes the cluster. The file goes once the node has seen itself among the API servers.\n"})
	}
	return files, nil
}

// Units are what runs them.
func Units(c Config) ([]Unit, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	keepalived, err := render("keepalived.dropin.tmpl", c)
	if err != nil {
		return nil, err
	}
	units := []Unit{{Name: "keepalived.service", Enabled: true, Dropin: keepalived}}
	for _, u := range []struct {
		name, template string
		enabled        bool
	}{
		{c.Image.NGINX.Unit, "nginx.service.tmpl", true},
		{"ocne-load-balancer.service", "refresh.service.tmpl", false}, // the timer starts it
		{"ocne-load-balancer.timer", "refresh.timer.tmpl", true},
	} {
		text, err := render(u.template, c)
		if err != nil {
			return nil, err
		}
		units = append(units, Unit{Name: u.name, Enabled: u.enabled, Contents: text})
	}
	return units, nil
}

// render fills a template; scripts are taken as they are.
func render(name string, c Config) (string, error) {
	text, err := templates.ReadFile("templates/" + name)
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	if !strings.HasSuffix(name, ".tmpl") {
		return string(text), nil
	}
	parsed, err := template.New(name).Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("parse template: %w", err)
	}
	c.Settings = c.Settings.WithDefaults()
	var b strings.Builder
	err = parsed.Execute(&b, paths{c, KeepalivedConfiguration, checkScript, refreshScript, settingsFile, firstMark})
	if err != nil {
		return "", fmt.Errorf("fill template: %w", err)
	}
	return b.String(), nil
}
