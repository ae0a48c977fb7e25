package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
)

// ownerPath is beside the record of management clusters, and outlives it.
func ownerPath(home string) string { return filepath.Join(home, ".ocne", "libvirt", "owner") }

// Owner is the user whose home directory is given. The user gets an id with the first private cluster.
func Owner(home string) (libvirt.Owner, error) {
	o := libvirt.Owner{User: "uid " + strconv.Itoa(os.Getuid())}
	if u, err := user.Current(); err == nil {
		o.User = u.Username
	}
	id, err := os.ReadFile(ownerPath(home))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return libvirt.Owner{}, fmt.Errorf("read whose management clusters on libvirt are: %w", err)
	}
	o.ID = strings.TrimSpace(string(id))
	return o, nil
}

// ensureOwner is Owner with an id, which is kept from then on: that of the user's cluster that is there, else a new one.
func ensureOwner(home string, there libvirt.Owner) (libvirt.Owner, error) {
	o, err := Owner(home)
	if err != nil || o.ID != "" {
		return o, err
	}
	o.ID = there.ID
	if o.ID == "" {
		o.ID = rand.Text()
	}
	if err := keepOwner(ownerPath(home), o.ID); err != nil {
		return libvirt.Owner{}, fmt.Errorf("write whose management clusters on libvirt are: %w", err)
	}
	return Owner(home)
}

// keepOwner writes the id as a whole, unless another command has just done so.
func keepOwner(path, id string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".owner-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(id + "\n")
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Link(file.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(file.Name()))
}
