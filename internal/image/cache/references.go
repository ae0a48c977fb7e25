package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ocne-project/ocne/internal/filelock"
)

const referencesName = "references.json"

// Meaning is what a reference meant when its source was asked last.
type Meaning struct {
	// Reference in full, such as registry.example.com/repository:tag.
	Reference    string `json:"reference"`
	Architecture string `json:"architecture"`
	// Top is the digest that the source gave: of a list of images for several architectures, or of one image.
	Top string `json:"top"`
	// Image is the digest of the image for the architecture.
	Image string `json:"image"`
	// Asked is when.
	Asked time.Time `json:"asked"`
}

func (m Meaning) same(reference, architecture string) bool {
	return m.Reference == reference && m.Architecture == architecture
}

// Recall returns what a reference meant last; false when that is not known.
func (s *Store) Recall(reference, architecture string) (Meaning, bool, error) {
	all, err := s.meanings()
	if err != nil {
		return Meaning{}, false, err
	}
	at := slices.IndexFunc(all, func(m Meaning) bool { return m.same(reference, architecture) })
	if at < 0 {
		return Meaning{}, false, nil
	}
	return all[at], true, nil
}

// RecallDigest returns a meaning that has a digest, of an image or of a list of images; false when none has.
func (s *Store) RecallDigest(digest, architecture string) (Meaning, bool, error) {
	all, err := s.meanings()
	if err != nil {
		return Meaning{}, false, err
	}
	at := slices.IndexFunc(all, func(m Meaning) bool { return m.Architecture == architecture && (m.Top == digest || m.Image == digest) })
	if at < 0 {
		return Meaning{}, false, nil
	}
	return all[at], true, nil
}

// Remember notes what a reference means now.
func (s *Store) Remember(ctx context.Context, meaning Meaning) error {
	return s.changeMeanings(ctx, func(all []Meaning) []Meaning {
		all = slices.DeleteFunc(all, func(m Meaning) bool { return m.same(meaning.Reference, meaning.Architecture) })
		return append(all, meaning)
	})
}

// forget drops what references meant whose images are gone.
func (s *Store) forget(ctx context.Context, digests []string) error {
	return s.changeMeanings(ctx, func(all []Meaning) []Meaning {
		return slices.DeleteFunc(all, func(m Meaning) bool { return slices.Contains(digests, m.Image) })
	})
}

func (s *Store) changeMeanings(ctx context.Context, change func([]Meaning) []Meaning) error {
	lock, err := filelock.Wait(ctx, s.lockPath(referencesName), filelock.Alone, nil)
	if err != nil {
		return fmt.Errorf("lock what references mean: %w", err)
	}
	defer lock.Close()
	all, err := s.meanings()
	if err != nil {
		return err
	}
	all = change(all)
	slices.SortFunc(all, func(a, b Meaning) int {
		return strings.Compare(a.Reference+" "+a.Architecture, b.Reference+" "+b.Architecture)
	})
	return writeJSON(filepath.Join(s.dir, referencesName), all)
}

// meanings are all that are known. A file that cannot be parsed is as good as none: everything in it can be asked for again.
func (s *Store) meanings() ([]Meaning, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, referencesName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what references mean: %w", err)
	}
	var all []Meaning
	if len(content) == 0 || json.Unmarshal(content, &all) != nil {
		return nil, nil //nolint:nilerr // as said above
	}
	return all, nil
}
