package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
)

// Key decrypts backups, and is what they are encrypted for.
type Key struct {
	identity *age.X25519Identity
}

// LoadKey reads a key file, which is one of age-keygen: lines that begin with # are comments. The error is fs.ErrNotExist when there is none.
func LoadKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key of the backups: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key of the backups: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key of the backups %s has mode %#o, so that others can read it: chmod 600 it", path, mode)
	}
	identities, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("key of the backups %s is not a key file of age: it has no line that begins with AGE-SECRET-KEY-1", path) // its text is secret
	}
	for _, identity := range identities {
		if x, ok := identity.(*age.X25519Identity); ok {
			return &Key{identity: x}, nil
		}
	}
	return nil, fmt.Errorf("key of the backups %s holds no X25519 key", path)
}

// EnsureKey is LoadKey that makes the file, with mode 0600, where there is none. Several may call it at once, and get the same key.
func EnsureKey(path string, now time.Time) (key *Key, created bool, err error) {
	key, err = LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, false, fmt.Errorf("make a key for backups: %w", err)
	}
	content := fmt.Appendf(nil, "# Decrypts the backups of ocne's management clusters. Keep a copy elsewhere.\n# created: %s\n# public key: %s\n%s\n",
		now.UTC().Format(time.RFC3339), identity.Recipient(), identity)
	created, err = place(path, content)
	if err != nil {
		return nil, false, fmt.Errorf("write the key of the backups %s: %w", path, err)
	}
	key, err = LoadKey(path)
	return key, created, err
}

// place makes a private file unless there is one; whoever sees it sees all of it.
func place(path string, content []byte) (placed bool, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	temporary, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return false, err
	}
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, syncDirectory(dir)
}
