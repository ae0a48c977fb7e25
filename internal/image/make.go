package image

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/image/source"
	"github.com/ocne-project/ocne/internal/image/template"
	"github.com/ocne-project/ocne/internal/image/upload"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// form is that of converted images; another one is another image.
const form = "olvm/1"

// Target is where a VM template goes.
type Target struct {
	// URL of the engine, which tells uploads to different engines apart.
	URL string
	// DataCenter and Cluster, one of its (host) clusters, are names in the engine.
	DataCenter, Cluster string
	// Template is its name.
	Template string
	// StorageDomain is the name of the one where the template's disk goes.
	StorageDomain string
	// DiskName is that of the template's disk; empty for the template's own name.
	DiskName string
	// DiskSize in bytes; 0 for the size that the image has.
	DiskSize int64
	// Writers is how many connections to use at most; 0 means 8.
	Writers int
}

// Maker makes VM templates in one engine.
type Maker struct {
	Engine *ovirt.Client
	// Directory holds the cache, and what uploads remember.
	Directory string
	Report    progress.Reporter
}

// Made is a VM template that holds an image.
type Made struct {
	Template ovirt.Template
	Digest   string
	// Reused says that the engine had it, and nothing was sent.
	Reused bool
	// Upload is what was sent; nil when nothing had to be.
	Upload *upload.Result
}

// Make finds the version of the template that holds the image, or makes it: the image is pulled only when it has to be sent. It may be
// interrupted and called again at any time: it goes on where it was after a kill. When it fails it leaves nothing in the engine.
func (m *Maker) Make(ctx context.Context, s Source, t Target) (*Made, error) {
	defer m.Report.Close()
	w, err := m.prepare(ctx, s, t)
	if err != nil {
		return nil, err
	}
	made := &Made{Digest: w.request.Digest}
	w.request.Disk = func(ctx context.Context) (string, error) {
		made.Upload, err = w.upload(ctx)
		if err != nil {
			return "", err
		}
		m.Report.Close()
		m.Report.Step(fmt.Sprintf("Making VM template %s of the uploaded disk", t.Template))
		return made.Upload.DiskID, nil
	}
	result, err := w.templates().Ensure(ctx, w.request)
	if err != nil {
		return nil, err
	}
	made.Template, made.Reused = result.Template, result.Reused
	return made, nil
}

// Abort removes from the engine what a run that was killed has left there.
func (m *Maker) Abort(ctx context.Context, s Source, t Target) error {
	defer m.Report.Close()
	w, err := m.prepare(ctx, s, t)
	if err != nil {
		return err
	}
	if err := w.templates().Abort(ctx, w.request); err != nil {
		return err
	}
	r := w.uploadRequest()
	removed, err := w.uploader().Abort(ctx, upload.AbortRequest{Name: r.Name, State: r.State, Complete: true})
	for _, name := range removed {
		m.Report.Step("Removed disk " + name)
	}
	return err
}

// work is one image on its way into one engine.
type work struct {
	*Maker
	source  Source
	target  Target
	request template.Request
}

func (m *Maker) prepare(ctx context.Context, s Source, t Target) (*work, error) {
	dataCenter, err := m.Engine.DataCenterByName(ctx, t.DataCenter)
	if err != nil {
		return nil, err
	}
	clusterID, err := m.clusterID(ctx, dataCenter.ID, t)
	if err != nil {
		return nil, err
	}
	puller, reference, err := newPuller(m.Directory, s, m.Report)
	if err != nil {
		return nil, err
	}
	resolved, err := puller.Resolve(ctx, reference, s.Architecture)
	if err != nil {
		return nil, err
	}
	return &work{Maker: m, source: s, target: t, request: template.Request{
		Name: t.Template, VersionName: versionName(reference), DataCenterID: dataCenter.ID, ClusterID: clusterID,
		Digest: resolved.Digest, Options: strings.TrimSpace(form + " " + s.kernelArgs()),
	}}, nil
}

func (m *Maker) clusterID(ctx context.Context, dataCenterID string, t Target) (string, error) {
	clusters, err := m.Engine.Clusters(ctx, dataCenterID)
	if err != nil {
		return "", err
	}
	for _, c := range clusters {
		if c.Name == t.Cluster {
			return c.ID, nil
		}
	}
	return "", fmt.Errorf("data center %s has no cluster %q", t.DataCenter, t.Cluster)
}

// versionName tells people in the engine's console which image a version of a template holds.
func versionName(r source.Reference) string {
	text := r.String()
	return text[strings.LastIndex(text, "/")+1:]
}

func (m *Maker) templates() *template.Maker {
	return &template.Maker{Engine: m.Engine, Notice: m.Report.Step}
}

func (w *work) uploader() *upload.Uploader {
	return &upload.Uploader{Engine: w.Engine, Notice: w.Report.Step}
}

func (w *work) uploadRequest() upload.Request {
	t := w.target
	name := cmp.Or(t.DiskName, t.Template)
	key := sha256.Sum256([]byte(strings.Join([]string{t.URL, t.StorageDomain, name, w.request.Digest, w.request.Options}, "\n")))
	return upload.Request{
		Name: name, DataCenterID: w.request.DataCenterID, StorageDomain: t.StorageDomain, Digest: w.request.Digest, Options: w.request.Options,
		Size: t.DiskSize, Copies: 1, Writers: t.Writers, State: filepath.Join(w.Directory, "upload-"+hex.EncodeToString(key[:8])+".json"),
		Progress: newMeter(w.Report, "disk "+name, "is being uploaded").at,
	}
}

// upload sends the image, which it pulls when it is not in the cache.
func (w *work) upload(ctx context.Context) (result *upload.Result, err error) {
	i, err := Open(ctx, w.Directory, w.source, w.Report)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	if i.Digest != w.request.Digest {
		return nil, fmt.Errorf("image %s was replaced in its registry meanwhile: run the same command again", w.source.Reference)
	}
	r := w.uploadRequest()
	r.Content = i.Conversion
	if !i.Changed {
		file, err := os.Open(i.Path)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", w.source.Reference, err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		r.File = &upload.File{ReaderAt: file, Size: i.file.Length()}
	}
	w.Report.Close()
	w.Report.Step(fmt.Sprintf("Uploading %s to storage domain %s", i.Info.Title, w.target.StorageDomain))
	return w.uploader().Upload(ctx, r)
}

// Templates are the versions of VM templates that we made, by name and the newest first; of all templates for an empty name.
func (m *Maker) Templates(ctx context.Context, dataCenter, name string) ([]template.Version, error) {
	where, err := m.Engine.DataCenterByName(ctx, dataCenter)
	if err != nil {
		return nil, err
	}
	return m.templates().List(ctx, where.ID, name)
}

// PruneTemplates removes versions that we made and that are neither the newest of their template nor used by a VM. A dry run only tells which.
func (m *Maker) PruneTemplates(ctx context.Context, dataCenter, name string, dryRun bool) ([]template.Pruned, error) {
	where, err := m.Engine.DataCenterByName(ctx, dataCenter)
	if err != nil {
		return nil, err
	}
	return m.templates().Prune(ctx, where.ID, name, dryRun)
}
