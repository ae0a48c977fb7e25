package boot

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

const systemdPath = "/etc/systemd/system"

// Steps are what cloud-init does in the place of Ignition: it writes the files, makes the users, and runs the commands before kubeadm.
type Steps struct {
	Files    []CloudFile
	Users    []types.PasswdUser
	Commands []string // each a line of a shell's
}

// CloudFile is a file that cloud-init writes.
type CloudFile struct {
	Path   string
	Owner  string // user:group; root:root when empty
	Mode   int
	Append bool
	Text   string // may be any bytes
}

// Permissions is the mode as cloud-init wants it.
func (f CloudFile) Permissions() string { return fmt.Sprintf("%04o", f.Mode) }

func (f CloudFile) owner() string { return cmp.Or(f.Owner, "root:root") }

// StepsOf translates an Ignition document that has files, directories, links, units and users. Anything else, and contents from elsewhere,
// cannot be translated. Units that are enabled are started, because cloud-init runs when the system has started already.
func StepsOf(config types.Config) (Steps, error) {
	if err := untranslatable(config); err != nil {
		return Steps{}, err
	}
	var steps Steps
	steps.Users = config.Passwd.Users
	for _, d := range config.Storage.Directories {
		steps.Commands = append(steps.Commands, fmt.Sprintf("install -d -m %04o -o %s -g %s %s",
			*cmp.Or(d.Mode, new(0o755)), owner(d.User.ID, d.User.Name), owner(d.Group.ID, d.Group.Name), shellQuote(d.Path)))
	}
	for _, f := range config.Storage.Files {
		files, err := filesOf(f)
		if err != nil {
			return Steps{}, fmt.Errorf("file %s: %w", f.Path, err)
		}
		steps.Files = append(steps.Files, files...)
	}
	for _, l := range config.Storage.Links {
		steps.Commands = append(steps.Commands, linkOf(l))
	}
	if len(config.Systemd.Units) > 0 {
		steps.Commands = append(steps.Commands, "systemctl daemon-reload")
	}
	for _, u := range config.Systemd.Units {
		steps.unit(u)
	}
	return steps, nil
}

func linkOf(l types.Link) string {
	kind, target := "-sfn", ""
	if l.Hard != nil && *l.Hard {
		kind = "-f"
	}
	if l.Target != nil {
		target = *l.Target
	}
	return fmt.Sprintf("mkdir -p %s && ln %s %s %s", shellQuote(path.Dir(l.Path)), kind, shellQuote(target), shellQuote(l.Path))
}

// untranslatable names the first section that cloud-init has nothing like.
func untranslatable(c types.Config) error {
	for _, section := range []struct {
		name string
		set  bool
	}{
		{"ignition.config", len(c.Ignition.Config.Merge) > 0 || c.Ignition.Config.Replace.Source != nil},
		{"ignition.security", len(c.Ignition.Security.TLS.CertificateAuthorities) > 0},
		{"kernelArguments", len(c.KernelArguments.ShouldExist)+len(c.KernelArguments.ShouldNotExist) > 0},
		{"passwd.groups", len(c.Passwd.Groups) > 0},
		{"storage.disks", len(c.Storage.Disks) > 0},
		{"storage.filesystems", len(c.Storage.Filesystems) > 0},
		{"storage.luks", len(c.Storage.Luks) > 0},
		{"storage.raid", len(c.Storage.Raid) > 0},
	} {
		if section.set {
			return fmt.Errorf("%s has no like in cloud-config", section.name)
		}
	}
	return nil
}

// filesOf is a file, and what is appended to it.
func filesOf(f types.File) ([]CloudFile, error) {
	base := CloudFile{Path: f.Path, Mode: *cmp.Or(f.Mode, new(0o644))}
	if user, group := owner(f.User.ID, f.User.Name), owner(f.Group.ID, f.Group.Name); user != "root" || group != "root" {
		base.Owner = user + ":" + group
	}
	var files []CloudFile
	if f.Contents.Source != nil || len(f.Append) == 0 {
		whole := base
		if f.Contents.Source != nil {
			text, err := contentsOf(f.Contents)
			if err != nil {
				return nil, err
			}
			whole.Text = text
		}
		files = append(files, whole)
	}
	for _, more := range f.Append {
		text, err := contentsOf(more)
		if err != nil {
			return nil, err
		}
		added := base
		added.Append, added.Text = true, text
		files = append(files, added)
	}
	return files, nil
}

func contentsOf(r types.Resource) (string, error) {
	text, err := contents(types.File{FileEmbedded1: types.FileEmbedded1{Contents: r}})
	if errors.Is(err, errElsewhere) {
		return "", errors.New("its contents are not in the document")
	}
	return text, err
}

func owner(id *int, name *string) string {
	switch {
	case name != nil && *name != "":
		return shellQuote(*name)
	case id != nil && *id != 0:
		return strconv.Itoa(*id)
	}
	return "root"
}

// unit writes a unit and its drop-ins, and makes systemd follow: what is enabled runs afterwards, with the new settings.
func (s *Steps) unit(u types.Unit) {
	if u.Contents != nil {
		s.Files = append(s.Files, CloudFile{Path: path.Join(systemdPath, u.Name), Mode: 0o644, Text: *u.Contents})
	}
	for _, d := range u.Dropins {
		if d.Contents != nil {
			s.Files = append(s.Files, CloudFile{Path: path.Join(systemdPath, u.Name+".d", d.Name), Mode: 0o644, Text: *d.Contents})
		}
	}
	name := shellQuote(u.Name)
	switch {
	case u.Mask != nil && *u.Mask:
		s.Commands = append(s.Commands, "systemctl mask --now "+name)
	case u.Enabled != nil && *u.Enabled:
		s.Commands = append(s.Commands, "systemctl enable "+name, "systemctl restart "+name)
	case u.Enabled != nil:
		s.Commands = append(s.Commands, "systemctl disable --now "+name)
	case len(u.Dropins) > 0:
		s.Commands = append(s.Commands, "systemctl try-restart "+name)
	}
}

// shellQuote makes one word of a shell's.
func shellQuote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-@:", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
