package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/ocne-project/ocne/internal/image/cache"
)

// Options are how images are pulled. The zero value is right for registries whose certificates the system trusts.
type Options struct {
	// Mirrors are asked first, in their order, and then the registry that a reference names.
	Mirrors []Mirror
	// CAFile holds certificates in PEM form of authorities that are trusted beside those of the system.
	CAFile string
	// Insecure trusts any certificate, and uses HTTP where there is no HTTPS.
	Insecure bool
	// AuthFile is looked into for credentials instead of the usual files.
	AuthFile string
	// Say, if any, is told in one line what a user wants to know.
	Say func(line string)
	// Progress, if any, is told how many bytes of a layer, or of a local file, were read.
	Progress func(done, total int64)
}

// Puller gets boot disks into a cache.
type Puller struct {
	store     *cache.Store
	options   Options
	keychain  *keychain
	transport http.RoundTripper

	free      func(dir string) (int64, error)
	firstWait time.Duration
	now       func() time.Time
}

// New returns a puller that puts disks into a store.
func New(store *cache.Store, options Options) (*Puller, error) {
	base, err := newTransport(options.CAFile, options.Insecure)
	if err != nil {
		return nil, err
	}
	p := &Puller{
		store: store, options: options, transport: base, keychain: newKeychain(authFiles(options.AuthFile, os.Getenv)),
		free: free, firstWait: 500 * time.Millisecond, now: time.Now,
	}
	if !options.Insecure {
		p.transport = encrypted{base}
	}
	return p, nil
}

func (p *Puller) say(format string, arguments ...any) {
	if p.options.Say != nil {
		p.options.Say(fmt.Sprintf(format, arguments...))
	}
}

// Resolved is what a reference means for an architecture.
type Resolved struct {
	// Digest of the image's manifest; of an archive of "docker save", of its configuration; of a file, of its content.
	Digest string
	// Cached says that the boot disk is in the cache.
	Cached bool
	// Offline says that the registry does not answer, and this is what the reference meant last.
	Offline bool

	top   string
	found *found // nil when only the cache can give the image
}

// Resolve asks what a reference means, without getting the image. The errors are those of Pull.
func (p *Puller) Resolve(ctx context.Context, ref Reference, architecture string) (*Resolved, error) {
	if ref.Kind == File {
		sum, _, err := cache.Sum(ctx, ref.Path, p.options.Progress)
		if err != nil {
			return nil, fmt.Errorf("read the boot disk: %w", err)
		}
		return &Resolved{Digest: "sha256:" + sum, Cached: true}, nil
	}
	resolved, done, err := p.resolve(ctx, ref, architecture)
	if err != nil {
		return nil, err
	}
	return resolved, done()
}

// Pull returns the boot disk of an image for an architecture, amd64 or arm64, from the cache or from where the reference says. Others cannot
// remove it from the cache until it is closed. What has arrived of a layer when the context ends, or the process, is not downloaded again.
//
// Typed errors: NotFoundError, CredentialsError, ArchitectureError, NotOCKError, UntrustedCertificateError, UnreachableError, DiskFullError,
// DigestError, SizeError and cache.DamagedError; all but the last are Advisers.
func (p *Puller) Pull(ctx context.Context, ref Reference, architecture string) (image *cache.Image, err error) {
	if ref.Kind == File {
		return p.local(ctx, ref, architecture)
	}
	resolved, done, err := p.resolve(ctx, ref, architecture)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, done()); err != nil && image != nil {
			err = errors.Join(err, image.Close())
			image = nil
		}
	}()
	if image, err = p.get(ctx, resolved); err != nil {
		return nil, err
	}
	if resolved.Offline {
		return image, nil
	}
	return image, p.store.Remember(ctx, cache.Meaning{
		Reference: ref.String(), Architecture: architecture, Top: resolved.top, Image: resolved.Digest, Asked: p.now(),
	})
}

// local is a file that is used where it is.
func (p *Puller) local(ctx context.Context, ref Reference, architecture string) (*cache.Image, error) {
	info, err := os.Stat(ref.Path)
	if err != nil {
		return nil, fmt.Errorf("read the boot disk: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read the boot disk: %s is not a file", ref.Path)
	}
	sum, size, err := cache.Sum(ctx, ref.Path, p.options.Progress)
	if err != nil {
		return nil, fmt.Errorf("read the boot disk: %w", err)
	}
	return &cache.Image{
		Reference: ref.Path, Digest: "sha256:" + sum, Architecture: architecture, Size: size, SHA256: sum, Path: ref.Path,
		Created: info.ModTime(), Modified: info.ModTime(), Used: p.now(),
	}, nil
}

// resolve finds the image of a reference. done ends its use.
func (p *Puller) resolve(ctx context.Context, ref Reference, architecture string) (resolved *Resolved, done func() error, err error) {
	done = func() error { return nil }
	if ref.Kind == Registry {
		resolved, err = p.resolveRemote(ctx, ref, architecture)
		return resolved, done, err
	}
	from, err := openFiles(ctx, ref.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("image %s: %w", ref, err)
	}
	var image *found
	if ref.Kind == OCI {
		image, err = layout{reference: ref.String(), files: from}.find(ctx, ref, architecture)
	} else {
		image, err = findSaved(from, ref, architecture)
	}
	if err != nil {
		return nil, nil, errors.Join(err, from.Close())
	}
	return &Resolved{Digest: image.digest, Cached: p.cached(ctx, image.digest), top: image.digest, found: image}, from.Close, nil
}

func (p *Puller) resolveRemote(ctx context.Context, ref Reference, architecture string) (*Resolved, error) {
	reference := ref.String()
	last, known, err := p.store.Recall(reference, architecture)
	if digest, pinned := ref.named.(name.Digest); err == nil && pinned && !known {
		last, known, err = p.store.RecallDigest(digest.DigestStr(), architecture) // it may have been pulled by a tag
	}
	if err != nil {
		return nil, err
	}
	held := cache.ErrAbsent
	if known {
		held = p.store.Check(ctx, last.Image)
	}
	known = held == nil
	if known && ref.Pinned() {
		return &Resolved{Digest: last.Image, Cached: true, top: last.Top}, nil
	}
	remote, err := p.remote(ref)
	if err != nil {
		return nil, err
	}
	top, raw, err := remote.top(ctx)
	var unreachable *UnreachableError
	if known && errors.As(err, &unreachable) {
		p.say("Registry %s cannot be reached: %v. Image %s is used as it was on %s.",
			unreachable.Host, unreachable.Err, reference, last.Asked.Format("2006-01-02 15:04"))
		return &Resolved{Digest: last.Image, Cached: true, Offline: true, top: last.Top}, nil
	}
	if err != nil {
		var damaged *cache.DamagedError
		if errors.As(held, &damaged) {
			p.say("The cached image cannot be used: %v.", damaged)
		}
		return nil, err
	}
	if known && last.Top == top.String() {
		return &Resolved{Digest: last.Image, Cached: true, top: last.Top}, nil
	}
	image, err := choose(ctx, remote, reference, architecture, top, raw)
	if err != nil {
		return nil, err
	}
	image.layer.remote, image.layer.explain, image.layer.elsewhere = true, remote.dropped, remote.elsewhere
	return &Resolved{Digest: image.digest, Cached: p.cached(ctx, image.digest), top: top.String(), found: image}, nil
}

// cached says whether the image can be used, without waiting for those who write it.
func (p *Puller) cached(ctx context.Context, digest string) bool {
	return p.store.Check(ctx, digest) == nil
}

// get returns the image from the cache, where it is put if necessary.
func (p *Puller) get(ctx context.Context, wanted *Resolved) (*cache.Image, error) {
	told := false
	waiting := func() {
		if !told {
			told = true
			p.say("Another process is getting or using image %s: waiting for it.", wanted.Digest)
		}
	}
	for {
		slot, err := p.store.Share(ctx, wanted.Digest, waiting)
		if err != nil {
			return nil, err
		}
		image, err := slot.Image(ctx)
		if err == nil {
			return image, nil
		}
		if err := errors.Join(ignoreMissing(err), slot.Close()); err != nil {
			return nil, err
		}
		if wanted.found == nil {
			return nil, fmt.Errorf("image %s: %w", wanted.Digest, err) // removed a moment ago
		}
		if err := p.put(ctx, wanted.found, waiting); err != nil {
			return nil, err
		}
	}
}

// ignoreMissing drops the errors that a new download repairs.
func ignoreMissing(err error) error {
	var damaged *cache.DamagedError
	if errors.Is(err, cache.ErrAbsent) || errors.As(err, &damaged) {
		return nil
	}
	return err
}

// put gets the image into the cache, unless somebody else did meanwhile.
func (p *Puller) put(ctx context.Context, image *found, waiting func()) (err error) {
	slot, err := p.store.Reserve(ctx, image.digest, waiting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, slot.Close()) }()
	_, err = slot.Image(ctx)
	var damaged *cache.DamagedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &damaged):
		p.say("The cached image cannot be used: %v. It is pulled again.", damaged)
		if err := slot.Discard(); err != nil {
			return err
		}
	case !errors.Is(err, cache.ErrAbsent):
		return err
	}
	defer func() { err = errors.Join(err, slot.Abandon()) }()
	return p.fill(ctx, slot, image)
}
