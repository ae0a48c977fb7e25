package boot_test

import (
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

// An ordinary Linux may have no group wheel, and a user with a group that is not there is not made.
func TestAdministratorsBecomeRootAsTheirImageHasIt(t *testing.T) {
	for profile, want := range map[string]struct {
		groups []types.Group
		files  []string
	}{
		boot.ProfileOCK:   {groups: []types.Group{"wheel"}},
		boot.ProfilePlain: {files: []string{"/etc/sudoers.d/ocne"}},
	} {
		image, err := boot.LoadImage(profile)
		require.NoError(t, err)
		config := image.Administrator.Config("ocne", "ssh-ed25519 AAAA")
		require.Len(t, config.Passwd.Users, 1)
		require.Equal(t, want.groups, config.Passwd.Users[0].Groups, profile)
		require.Equal(t, []types.SSHAuthorizedKey{"ssh-ed25519 AAAA"}, config.Passwd.Users[0].SSHAuthorizedKeys)
		var files []string
		for _, f := range config.Storage.Files {
			files = append(files, f.Path)
			require.Equal(t, 0o440, *f.Mode, "sudo wants it to be like that")
		}
		require.Equal(t, want.files, files, profile)
	}
}
