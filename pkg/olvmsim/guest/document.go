package guest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
)

// maxFileBytes bounds a compressed file's real size.
const maxFileBytes = 16 << 20

// document is what Ignition, or cloud-init, puts on the disk.
type document struct {
	version string
	files   map[string]file
	units   []types.Unit
}

type file struct {
	mode int // permission bits
	data []byte
}

// parseDocument reads user data as Ignition's OpenStack platform does, with Ignition's own parser for the versions
// 3.0 to 3.4. Its errors never quote the document, which holds keys.
func parseDocument(userData []byte) (*document, error) {
	switch {
	case userData == nil:
		return nil, errors.New("no config drive found: nothing to provision")
	case len(bytes.TrimSpace(userData)) == 0:
		return nil, errors.New("config is empty: nothing to provision")
	}
	version, rep, err := util.GetConfigVersion(userData)
	if err != nil {
		return nil, fmt.Errorf("failed to parse config: %w (%s)", err, rep.String())
	}
	config, rep, err := v3_4.ParseCompatibleVersion(userData)
	if err != nil {
		return nil, fmt.Errorf("config of version %s refused: %w (%s)", version.String(), err, rep.String())
	}
	if len(config.Ignition.Config.Merge) > 0 || config.Ignition.Config.Replace.Source != nil {
		return nil, errors.New("ignition.config.merge and ignition.config.replace are not simulated")
	}
	doc := &document{version: version.String(), files: map[string]file{}, units: config.Systemd.Units}
	for _, f := range config.Storage.Files {
		data, err := contents(f.Contents)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.Path, err)
		}
		mode := 0o644 // Ignition's default
		if f.Mode != nil {
			mode = *f.Mode
		}
		doc.files[f.Path] = file{mode: mode, data: data}
	}
	return doc, nil
}

func contents(r types.Resource) ([]byte, error) {
	if util.NilOrEmpty(r.Source) {
		return nil, nil
	}
	if !strings.HasPrefix(*r.Source, "data:") {
		return nil, errors.New("only data: URLs are simulated as a source")
	}
	u, err := dataurl.DecodeString(*r.Source)
	if err != nil {
		return nil, errors.New("source is not a valid data: URL") // the cause would quote the contents
	}
	if util.NilOrEmpty(r.Compression) {
		return u.Data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(u.Data))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(z, maxFileBytes))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return data, nil
}
