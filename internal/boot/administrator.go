package boot

import (
	"fmt"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// Administrator is what an image knows about users who look after a node.
type Administrator struct {
	Shell string `json:"shell"` // login shell
	Group string `json:"group"` // whose members may become root; empty where no such group is in every image of the profile
	// Sudoers is the file that lets the user become root instead; empty where the group does.
	Sudoers string `json:"sudoers"`
}

// Config makes the user and lets it log in with an SSH key.
func (a Administrator) Config(name, sshKey string) types.Config {
	user := types.PasswdUser{Name: name, Shell: &a.Shell, SSHAuthorizedKeys: []types.SSHAuthorizedKey{types.SSHAuthorizedKey(sshKey)}}
	if a.Group != "" {
		user.Groups = []types.Group{types.Group(a.Group)}
	}
	config := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	config.Passwd.Users = []types.PasswdUser{user}
	if a.Sudoers != "" {
		setFile(&config, a.Sudoers, 0o440, fmt.Sprintf("%s ALL=(ALL) NOPASSWD: ALL\n", name))
	}
	return config
}
