package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/filelock"
)

// version of the file's schema. Every new key needs a new one, because an older ocne would drop the key when it writes the file.
const version = 2

const header = `# Which management cluster holds which cluster. ocne reads and writes this file; it holds no secrets.
# To forget a cluster whose management cluster is gone for good: ocne cluster delete -C NAME --forget
`

// ForeignError says that the file is the cluster cache of the ocne CLI of Oracle Cloud Native Environment, which has the same name.
type ForeignError struct {
	Path string
}

// Error says whose the file is.
func (e *ForeignError) Error() string {
	return e.Path + " is the cluster cache of another ocne, that of Oracle Cloud Native Environment"
}

// FormatError says that the file cannot be understood.
type FormatError struct {
	Path string
	Err  error
}

// Error says why.
func (e *FormatError) Error() string { return fmt.Sprintf("read %s: %v", e.Path, e.Err) }

// Unwrap returns why.
func (e *FormatError) Unwrap() error { return e.Err }

// File is the record of one user.
type File struct {
	// Path of the file, which need not exist.
	Path string
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// Of is the file of the user whose home directory is given.
func Of(homeDir string) File {
	return File{Path: filepath.Join(homeDir, ".ocne", "clusters.yaml")}
}

// Clusters are all that are remembered, by namespace and name. The error is a *ForeignError, a *FormatError or the file system's.
func (f File) Clusters() ([]Cluster, error) {
	d, err := f.load()
	if err != nil {
		return nil, err
	}
	return d.Clusters, nil
}

// Named are the remembered clusters of a name: one at most when a namespace is given, else those of all namespaces.
func (f File) Named(namespace, name string) ([]Cluster, error) {
	all, err := f.Clusters()
	var named []Cluster
	for _, c := range all {
		if c.Name == name && (namespace == "" || c.Namespace == namespace) {
			named = append(named, c)
		}
	}
	return named, err
}

// Keep remembers which management cluster holds a cluster. Since and History of the argument are not used: they follow from what was
// remembered before. What is known already is not written again.
func (f File) Keep(ctx context.Context, c Cluster) error {
	at := f.now()
	news := func(d *document) bool {
		old := d.find(c.Namespace, c.Name)
		if old == nil {
			c.Since, c.History = at, nil
			d.Clusters = append(d.Clusters, c)
			return true
		}
		now := old.held(c, at)
		if reflect.DeepEqual(now, *old) {
			return false
		}
		*old = now
		return true
	}
	if d, err := f.load(); err == nil && !news(d) {
		return nil
	}
	return f.update(ctx, news)
}

// Forget removes what is remembered of the clusters that gone is true of.
func (f File) Forget(ctx context.Context, gone func(Cluster) bool) error {
	if _, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return f.update(ctx, func(d *document) bool {
		kept := make([]Cluster, 0, len(d.Clusters))
		for _, c := range d.Clusters {
			if !gone(c) {
				kept = append(kept, c)
			}
		}
		changed := len(kept) < len(d.Clusters)
		d.Clusters = kept
		return changed
	})
}

// CheckWritable finds out, without changing anything, whether the file can be written.
func (f File) CheckWritable() error {
	if _, err := f.load(); err != nil {
		return err
	}
	dir := filepath.Dir(f.Path)
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".ocne-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	return nil
}

func (f File) now() time.Time {
	now := time.Now
	if f.Now != nil {
		now = f.Now
	}
	return now().UTC().Truncate(time.Second)
}

// load needs no lock: the file is replaced as a whole.
func (f File) load() (*document, error) {
	content, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &document{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which management cluster holds which cluster: %w", err)
	}
	return f.parse(content)
}

func (f File) parse(content []byte) (*document, error) {
	var outline struct {
		Version  int `json:"version"`
		Clusters any `json:"clusters"`
	}
	if err := yaml.Unmarshal(content, &outline); err != nil {
		return nil, &FormatError{Path: f.Path, Err: err}
	}
	// Theirs maps names to clusters and has no version.
	if _, theirs := outline.Clusters.(map[string]any); theirs && outline.Version == 0 {
		return nil, &ForeignError{Path: f.Path}
	}
	switch {
	case outline.Version == 0:
		return nil, &FormatError{Path: f.Path, Err: errors.New("it has no version, so it was not written by ocne")}
	case outline.Version > version:
		return nil, &FormatError{Path: f.Path, Err: fmt.Errorf("it was written by a newer ocne (version %d, and this one knows %d)", outline.Version, version)}
	}
	d := &document{}
	err := yaml.UnmarshalStrict(content, d)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return nil, &FormatError{Path: f.Path, Err: err}
	}
	d.sort()
	return d, nil
}

// update reads, changes and replaces the file under a lock. change says whether there is anything to write.
func (f File) update(ctx context.Context, change func(*document) bool) error {
	lock, err := filelock.Wait(ctx, f.Path+".lock", filelock.Alone, nil)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	defer func() { _ = lock.Close() }()
	d, err := f.load()
	if err != nil {
		return err
	}
	if !change(d) {
		return nil
	}
	d.Version = version
	d.sort()
	content, err := yaml.Marshal(d)
	if err == nil {
		err = f.replace(append([]byte(header), content...))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	return nil
}

// replace leaves either the old content or the new, also when the process or the machine ends meanwhile. Under the lock, one name is
// enough for the new file: what an earlier process has left of it is overwritten.
func (f File) replace(content []byte) error {
	next := f.Path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(next, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(next, f.Path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return syncDirectory(filepath.Dir(f.Path))
}

// syncDirectory makes a rename last.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
