// Package backup is the file that holds the objects of a management cluster, encrypted for the owner of a key file.
//
// A file is the JSON of a Content, compressed with gzip and encrypted with age (https://age-encryption.org/v1): age --decrypt -i KEYFILE FILE |
// gunzip shows it. It holds the engine's password and the keys of the clusters' certificate authorities.
package backup

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// format is the number of the layout of Content; a reader refuses those that it does not know.
const format = 1

// Content of a backup.
type Content struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	// Source is the management cluster that the objects are from.
	Source Source `json:"source"`
	// Settled says that all objects existed together at one time; otherwise controllers were at work while they were read.
	Settled bool `json:"settled"`
	// Objects with their metadata and status, in no order.
	Objects []*unstructured.Unstructured `json:"objects"`
}

// Source is a management cluster.
type Source struct {
	// ID is the UID of its namespace kube-system, which no two clusters have in common.
	ID string `json:"id"`
	// Description for people.
	Description string `json:"description"`
	// Host is the name of the machine on which the backup was made.
	Host string `json:"host"`
	// Kubeconfig to ask with whether the management cluster still runs.
	Kubeconfig []byte `json:"kubeconfig"`
}

// ErrWrongKey says that a backup was not encrypted for the key.
var ErrWrongKey = errors.New("it was not encrypted for this key")

// ErrDamaged says that a file is no backup, or that it is not whole.
var ErrDamaged = errors.New("it is not a backup of ocne, or not a whole one")

// Write replaces the file at path as a whole, with mode 0600, and returns when it is on the disk.
func Write(path string, key *Key, c Content) error {
	c.Format = format
	if err := writeFile(path, func(w io.Writer) error { return encode(w, key, c) }); err != nil {
		return fmt.Errorf("write backup %s: %w", path, err)
	}
	return nil
}

func encode(w io.Writer, key *Key, c Content) error {
	sealed, err := age.Encrypt(w, key.identity.Recipient())
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(sealed)
	if err := json.NewEncoder(compressed).Encode(c); err != nil {
		return err
	}
	return errors.Join(compressed.Close(), sealed.Close())
}

// Read decrypts the file at path. The error is ErrWrongKey or ErrDamaged, or one of reading the file.
func Read(path string, key *Key) (Content, error) {
	var c Content
	sealed, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read backup: %w", err)
	}
	wrap := func(err error) error { return fmt.Errorf("read backup %s: %w", path, err) }
	plain, err := age.Decrypt(bytes.NewReader(sealed), key.identity)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return c, wrap(ErrWrongKey)
	}
	if err != nil {
		return c, wrap(fmt.Errorf("%w: %w", ErrDamaged, err))
	}
	decompressed, err := gzip.NewReader(plain)
	if err != nil {
		return c, wrap(fmt.Errorf("%w: %w", ErrDamaged, err))
	}
	text, err := io.ReadAll(decompressed) // to the end, which shows that nothing was cut off
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return Content{}, wrap(fmt.Errorf("%w: %w", ErrDamaged, err))
	}
	if c.Format != format {
		return Content{}, wrap(fmt.Errorf("its format is %d, and this release reads format %d: use the release that wrote it, or a newer one",
			c.Format, format))
	}
	return c, nil
}

// writeFile makes a private file that is there as a whole or not at all, also after a power failure.
func writeFile(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	err = write(temporary)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
