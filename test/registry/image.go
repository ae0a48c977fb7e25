package registry

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// Push makes an image of boot disks, by architecture, as OCK's are: for each one layer with the file disk/boot.qcow2. It gets a name such as
// olcne/ock:1.31. The result are the digests of the images, by architecture.
func (s *Server) Push(ctx context.Context, reference string, disks map[string]string) (map[string]string, error) {
	ref, err := name.ParseReference(s.Address + "/" + reference)
	if err != nil {
		return nil, err
	}
	index, digests := mutate.IndexMediaType(empty.Index, types.OCIImageIndex), map[string]string{}
	for architecture, disk := range disks {
		layer, err := s.newLayer(disk)
		if err != nil {
			return nil, fmt.Errorf("make the layer of %s: %w", disk, err)
		}
		image, err := newImage(architecture, layer)
		if err != nil {
			return nil, fmt.Errorf("make the image of %s: %w", disk, err)
		}
		digest, err := image.Digest()
		if err != nil {
			return nil, fmt.Errorf("make the image of %s: %w", disk, err)
		}
		digests[architecture] = digest.String()
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	auth := authn.FromConfig(authn.AuthConfig{Username: s.Username, Password: s.Password})
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(transport)); err != nil {
		return nil, fmt.Errorf("push %s: %w", ref, err)
	}
	return digests, nil
}

func (s *Server) transport() (http.RoundTripper, error) {
	certificate, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificate) {
		return nil, fmt.Errorf("%s holds no certificate", s.CAFile)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, nil
}

func newImage(architecture string, layer v1.Layer) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: architecture})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
}

// layer is a file with a layer's content, compressed with gzip.
type layer struct {
	path   string
	size   int64
	digest v1.Hash
	diffID v1.Hash
}

func (l *layer) Digest() (v1.Hash, error)                 { return l.digest, nil }
func (l *layer) DiffID() (v1.Hash, error)                 { return l.diffID, nil }
func (l *layer) Compressed() (io.ReadCloser, error)       { return os.Open(l.path) }
func (l *layer) Size() (int64, error)                     { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error)      { return types.OCILayer, nil }
func (l *layer) Uncompressed() (_ io.ReadCloser, e error) { return nil, errors.ErrUnsupported }

// newLayer writes the layer with a boot disk to a file in the registry's directory. Disks may be larger than the memory.
func (s *Server) newLayer(disk string) (l *layer, err error) {
	from, err := os.Open(disk)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return nil, err
	}
	to, err := os.CreateTemp(s.dir, "layer-*.tar.gz")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	stored, content := sha256.New(), sha256.New()
	compressor, err := gzip.NewWriterLevel(io.MultiWriter(to, stored), gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(io.MultiWriter(compressor, content))
	for _, header := range []*tar.Header{
		{Name: "disk/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "disk/boot.qcow2", Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size(), Uid: 107, Gid: 107},
	} {
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(archive, from); err != nil {
		return nil, err
	}
	if err := errors.Join(archive.Close(), compressor.Close()); err != nil {
		return nil, err
	}
	if info, err = to.Stat(); err != nil {
		return nil, err
	}
	return &layer{path: to.Name(), size: info.Size(), digest: sum(stored), diffID: sum(content)}, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}
