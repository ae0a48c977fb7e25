package start

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/internal/cli"
)

// unitName is that of the systemd unit.
const unitName = "ocne-management.service"

// The managers of systemd that a unit may be for.
const (
	unitOfUser   = "user"
	unitOfSystem = "system"
)

// unit is a systemd unit that keeps the management cluster running. Only the first process gets the signal to end, and ends the others in order
// (systemd.kill(5), KillMode=mixed); those that other ocne commands have started are none of the unit's, and it ends them all the same.
func (o *Options) unit() string {
	env := o.Environment
	var b strings.Builder
	b.WriteString(`[Unit]
Description=Management cluster of ocne: etcd, kube-apiserver and the controllers of Cluster API and OLVM
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
`)
	fmt.Fprintf(&b, "ExecStart=%s management start --foreground\n", word(filepath.Join(env.Programs, "ocne")))
	if o.SystemdUnit == unitOfSystem {
		fmt.Fprintf(&b, "User=%d\nEnvironment=%s\n", o.UserID, word("HOME="+env.HomeDir))
	}
	b.WriteString(`Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStartSec=600
TimeoutStopSec=90
UMask=0077

[Install]
`)
	target := "default.target"
	if o.SystemdUnit == unitOfSystem {
		target = "multi-user.target"
	}
	fmt.Fprintf(&b, "WantedBy=%s\n", target)
	return b.String()
}

// word is one word of a unit's line: systemd takes % for a specifier, $ for a variable, and needs quotes around spaces.
func word(text string) string {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(text)
	if strings.ContainsAny(text, " \t'") {
		return `"` + text + `"`
	}
	return text
}

// unitFile is where systemd looks for the unit.
func (o *Options) unitFile() string {
	if o.SystemdUnit == unitOfSystem {
		return filepath.Join("/etc/systemd/system", unitName)
	}
	config := o.Environment.Getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(o.Environment.HomeDir, ".config")
	}
	return filepath.Join(config, "systemd", "user", unitName)
}

// install writes the unit and says what makes systemd use it.
func (o *Options) install() error {
	path := o.unitFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a unit is no secret, and systemd reads it
		return fmt.Errorf("install the unit: %w", err)
	}
	temporary := path + ".new"
	err := os.WriteFile(temporary, []byte(o.unit()), 0o644) //nolint:gosec // as above
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("install the unit: %w", err), os.RemoveAll(temporary))
	}
	systemctl := "systemctl"
	if o.SystemdUnit == unitOfUser {
		systemctl += " --user"
	}
	next := fmt.Sprintf("Wrote %s. To start it now and with the machine:\n  %s daemon-reload\n  %s enable --now %s\n",
		cli.Quote(path), systemctl, systemctl, unitName)
	if o.SystemdUnit == unitOfUser {
		next += "  loginctl enable-linger   # without it, it starts when you log in, and ends when you log out\n"
	}
	_, err = fmt.Fprint(o.Environment.Streams.Out, next)
	return err
}
