//go:build linux

package container

import (
	"bytes"
	"os"
	"path/filepath"
)

// seedPath is where cloud-init looks for the content of a config drive before it looks for the disc, which a container cannot mount
// (DataSourceConfigDrive).
const seedPath = "var/lib/cloud/seed/config_drive/openstack/latest"

// isCloudConfig says whether the user data is for cloud-init. An image that has none does nothing with it, as a real one would.
func (s Specification) isCloudConfig() bool {
	return bytes.HasPrefix(s.UserData, []byte("#cloud-config"))
}

// seed puts the config drive's content into the root of a machine that boots for the first time.
func (s Specification) seed() error {
	if !s.isCloudConfig() {
		return nil
	}
	dir := filepath.Join(s.root(), seedPath)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"user_data": s.UserData, "meta_data.json": s.MetaData, "network_data.json": s.NetworkData,
	} {
		if len(content) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(s.ignited(), nil, 0o600)
}
