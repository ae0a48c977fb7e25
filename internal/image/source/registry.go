package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// manifestLimit in bytes: registries refuse larger ones (OCI distribution specification: 4 MiB).
	manifestLimit = 4 << 20
	// patience is how often a short request is tried when the connection drops or the registry is busy.
	patience = 3
	// listTimeout bounds the question for names that are near a wrong one.
	listTimeout = 10 * time.Second
)

// place is where a registry has the image: the mirrors of the reference, and the reference itself.
type place struct {
	ref       name.Reference
	mirror    bool
	transport http.RoundTripper // with credentials; nil before the first request
}

// remoteImage reads the image of a reference from the first place that has it.
type remoteImage struct {
	puller *Puller
	ref    Reference
	places []*place
	// current is the index of the place that is asked first.
	current int
}

func (p *Puller) remote(ref Reference) (*remoteImage, error) {
	r := &remoteImage{puller: p, ref: ref}
	for _, m := range p.options.Mirrors {
		mirrored, ok, err := m.at(ref.named)
		if err != nil {
			return nil, err
		}
		if ok {
			r.places = append(r.places, &place{ref: mirrored, mirror: true})
		}
	}
	r.places = append(r.places, &place{ref: ref.named})
	return r, nil
}

// try asks the places in turn, from the one that answered last, until one gives what is asked for. The error is the last place's.
func (r *remoteImage) try(ctx context.Context, tries int, ask func(*place) error) error {
	for {
		at := r.places[r.current]
		err := r.puller.repeat(ctx, tries, func() error {
			if err := r.connect(ctx, at); err != nil {
				return err
			}
			return ask(at)
		})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err = r.explain(at, err); !at.mirror {
			return err
		}
		r.puller.say("Mirror %s is not used: %v", at.ref.Context().Name(), err)
		r.current++
	}
}

// elsewhere leaves a mirror whose content is damaged.
func (r *remoteImage) elsewhere() bool {
	at := r.places[r.current]
	if at.mirror {
		r.puller.say("Mirror %s has a damaged copy.", at.ref.Context().Name())
		r.current++
	}
	return at.mirror
}

// connect finds out how the registry wants to be asked, and with which credentials.
func (r *remoteImage) connect(ctx context.Context, at *place) error {
	if at.transport != nil {
		return nil
	}
	repository := at.ref.Context()
	auth, err := r.puller.keychain.ResolveContext(ctx, repository)
	if err != nil {
		return err
	}
	registry := repository.Registry
	if r.puller.options.Insecure {
		if registry, err = name.NewRegistry(registry.RegistryStr(), name.Insecure); err != nil {
			return err
		}
	}
	at.transport, err = transport.NewWithContext(ctx, registry, auth, r.puller.transport, []string{repository.Scope(transport.PullScope)})
	return err
}

// ask sends a request about the repository and checks the status of the answer, whose body the caller closes.
func (a *place) ask(ctx context.Context, method, what string, header http.Header, statuses ...int) (*http.Response, error) {
	repository := a.ref.Context()
	url := fmt.Sprintf("%s://%s/v2/%s/%s", repository.Scheme(), repository.RegistryStr(), repository.RepositoryStr(), what)
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		request.Header[key] = values
	}
	response, err := (&http.Client{Transport: a.transport}).Do(request)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(response, statuses...); err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	return response, nil
}

func accepted() http.Header {
	media := []types.MediaType{types.OCIImageIndex, types.DockerManifestList, types.OCIManifestSchema1, types.DockerManifestSchema2}
	texts := make([]string, len(media))
	for i, m := range media {
		texts[i] = string(m)
	}
	return http.Header{"Accept": {strings.Join(texts, ", ")}}
}

// top asks what the reference means now. The content comes with it when the registry does not tell the digest alone.
func (r *remoteImage) top(ctx context.Context) (digest v1.Hash, content []byte, err error) {
	err = r.try(ctx, patience, func(at *place) error {
		if pinned, ok := at.ref.(name.Digest); ok {
			digest, err = v1.NewHash(pinned.DigestStr())
			return err
		}
		answer, err := at.ask(ctx, http.MethodHead, "manifests/"+at.ref.Identifier(), accepted(), http.StatusOK)
		var refused *transport.Error
		switch {
		case err == nil:
			_ = answer.Body.Close()
			if digest, err = v1.NewHash(answer.Header.Get("Docker-Content-Digest")); err == nil {
				return nil
			}
		case !errors.As(err, &refused) || passing(err):
			return err
		}
		// The header is optional in the OCI distribution specification, and a refusal of HEAD has no words.
		if content, err = at.read(ctx, "manifests/"+at.ref.Identifier()); err == nil {
			digest, err = digestOf("sha256", content)
		}
		return err
	})
	return digest, content, r.near(ctx, err)
}

// manifest implements content.
func (r *remoteImage) manifest(ctx context.Context, digest v1.Hash) ([]byte, error) {
	content, err := r.small(ctx, "manifests/", "a manifest of image ", digest)
	return content, r.near(ctx, err)
}

// config implements content.
func (r *remoteImage) config(ctx context.Context, digest v1.Hash) ([]byte, error) {
	return r.small(ctx, "blobs/", "the configuration of image ", digest)
}

func (r *remoteImage) small(ctx context.Context, path, what string, digest v1.Hash) (content []byte, err error) {
	err = r.try(ctx, patience, func(at *place) error {
		if content, err = at.read(ctx, path+digest.String()); err != nil {
			return err
		}
		return compare(what+at.ref.Name(), digest, content)
	})
	return content, err
}

// read reads something that is not large.
func (a *place) read(ctx context.Context, what string) ([]byte, error) {
	answer, err := a.ask(ctx, http.MethodGet, what, accepted(), http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return readLimited(answer.Body, manifestLimit)
}

// blob implements content.
func (r *remoteImage) blob(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := r.try(ctx, 1, func(at *place) error {
		var err error
		body, err = at.blob(ctx, d, offset)
		return err
	})
	return body, err
}

func (a *place) blob(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, d.Size-1))
	}
	//nolint:bodyclose // newUnstalled takes it over
	answer, err := a.ask(ctx, http.MethodGet, "blobs/"+d.Digest.String(), header, http.StatusOK, http.StatusPartialContent)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := newUnstalled(ctx, answer.Body, cancel)
	if err := skip(ctx, body, answer, offset); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// skip brings an answer to the offset that was asked for: servers may send the whole instead (RFC 9110, section 14.2).
func skip(ctx context.Context, body io.Reader, answer *http.Response, offset int64) error {
	start := int64(0)
	if answer.StatusCode == http.StatusPartialContent {
		given := answer.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(given, "bytes %d-", &start); err != nil || start > offset {
			return fmt.Errorf("registry answers with the range %q when asked for bytes from %d on", given, offset)
		}
	}
	if _, err := io.CopyN(io.Discard, interruptible{ctx, body}, offset-start); err != nil {
		return fmt.Errorf("read the layer again up to byte %d: %w", offset, err)
	}
	return nil
}

// near adds names that are there to an error about a tag that is not.
func (r *remoteImage) near(ctx context.Context, err error) error {
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	at := r.places[r.current]
	if at.transport == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	tags, listErr := remote.List(at.ref.Context(), remote.WithTransport(at.transport), remote.WithContext(ctx))
	var refused *transport.Error
	switch {
	case listErr == nil:
		missing.Near = nearest(at.ref.Identifier(), tags, r.ref.Pinned())
	case errors.As(listErr, &refused) && refused.StatusCode == http.StatusNotFound:
		missing.Repository = true
	}
	return err
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it is larger than %s", sizeText(limit))
	}
	return content, err
}
