package cache_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
)

func open(t *testing.T) *cache.Store {
	t.Helper()
	s, err := cache.Open(filepath.Join(t.TempDir(), "images"))
	require.NoError(t, err)
	return s
}

// digest with the same digit everywhere.
func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

// put stores a disk, which a reference means.
func put(t *testing.T, s *cache.Store, reference, digest, disk string) *cache.Image {
	t.Helper()
	slot, err := s.Reserve(t.Context(), digest, nil)
	require.NoError(t, err)
	f, err := slot.Create()
	require.NoError(t, err)
	_, err = f.WriteString(disk)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(disk))
	image := &cache.Image{
		Reference: reference, Architecture: "amd64", Size: int64(len(disk)), SHA256: hex.EncodeToString(sum[:]), Created: time.Now(),
	}
	require.NoError(t, slot.Commit(f, image))
	require.NoError(t, slot.Close())
	meaning := cache.Meaning{Reference: reference, Architecture: "amd64", Top: digest, Image: digest, Asked: time.Now()}
	require.NoError(t, s.Remember(t.Context(), meaning))
	return image
}

func take(t *testing.T, s *cache.Store, digest string) (*cache.Image, error) {
	t.Helper()
	slot, err := s.Share(t.Context(), digest, nil)
	require.NoError(t, err)
	image, err := slot.Image(t.Context())
	if err != nil {
		require.NoError(t, slot.Close())
	}
	return image, err
}

func TestAnImageIsThereOnceItIsCommitted(t *testing.T) {
	s := open(t)
	_, err := take(t, s, digest("a"))
	require.ErrorIs(t, err, cache.ErrAbsent)
	require.ErrorIs(t, s.Check(t.Context(), digest("a")), cache.ErrAbsent)

	slot, err := s.Reserve(t.Context(), digest("a"), nil)
	require.NoError(t, err)
	f, err := slot.Create()
	require.NoError(t, err)
	_, err = f.WriteString("half")
	require.NoError(t, err)
	_, err = slot.Image(t.Context())
	require.ErrorIs(t, err, cache.ErrAbsent)
	require.NoError(t, f.Close())
	require.NoError(t, slot.Abandon())
	require.NoError(t, slot.Close())
	entries, err := s.List()
	require.NoError(t, err)
	require.Empty(t, entries)
	locks, err := os.ReadDir(filepath.Join(s.Dir(), "locks"))
	require.NoError(t, err)
	require.Empty(t, locks)

	written := put(t, s, "registry/ock:1", digest("a"), "disk")
	image, err := take(t, s, digest("a"))
	require.NoError(t, err)
	require.Equal(t, written.Path, image.Path)
	require.Equal(t, written.SHA256, image.SHA256)
	require.NoError(t, s.Check(t.Context(), digest("a")))
	require.NoError(t, image.Close())
	require.NoError(t, image.Close(), "closing twice does no harm")
}

func TestADigestIsNoPath(t *testing.T) {
	s := open(t)
	for _, text := range []string{"", "sha256", "sha256:", "sha256:abc", "../../x:" + strings.Repeat("a", 64), "sha256:../" + strings.Repeat("a", 64)} {
		_, err := s.Share(t.Context(), text, nil)
		require.ErrorContains(t, err, "is no digest", text)
	}
}

func TestOnlyWhoReservesWrites(t *testing.T) {
	s := open(t)
	slot, err := s.Share(t.Context(), digest("a"), nil)
	require.NoError(t, err)
	_, err = slot.Create()
	require.ErrorContains(t, err, "is not reserved")
	_, err = slot.Partial()
	require.ErrorContains(t, err, "is not reserved")
	require.NoError(t, slot.Close())
}

func TestWhoReservesWaitsForReaders(t *testing.T) {
	s := open(t)
	put(t, s, "registry/ock:1", digest("a"), "disk")
	image, err := take(t, s, digest("a"))
	require.NoError(t, err)
	again, err := take(t, s, digest("a"))
	require.NoError(t, err, "readers do not wait for each other")
	require.NoError(t, again.Close())

	ctx, cancel := context.WithCancel(t.Context())
	waits := 0
	_, err = s.Reserve(ctx, digest("a"), func() { waits++; cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, waits)

	result := make(chan error, 1)
	waiting := make(chan struct{})
	go func() {
		slot, err := s.Reserve(t.Context(), digest("a"), func() { close(waiting) })
		if err == nil {
			err = slot.Close()
		}
		result <- err
	}()
	<-waiting
	require.NoError(t, image.Close())
	require.NoError(t, <-result)
}

func TestDamageIsToldByReason(t *testing.T) {
	for reason, damage := range map[string]func(*testing.T, string){
		"it has 2 bytes instead of 4": func(t *testing.T, disk string) { require.NoError(t, os.Truncate(disk, 2)) },
		"it has been removed":         func(t *testing.T, disk string) { require.NoError(t, os.Remove(disk)) },
		"its SHA-256 is":              func(t *testing.T, disk string) { require.NoError(t, os.WriteFile(disk, []byte("DISK"), 0o600)) },
		"unexpected end of JSON": func(t *testing.T, disk string) {
			require.NoError(t, os.Truncate(filepath.Join(filepath.Dir(disk), "image.json"), 5))
		},
		"it tells of": func(t *testing.T, disk string) {
			path := filepath.Join(filepath.Dir(disk), "image.json")
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(content), "aaaa", "bbbb")), 0o600))
		},
	} {
		t.Run(reason, func(t *testing.T) {
			s := open(t)
			image := put(t, s, "registry/ock:1", digest("a"), "disk")
			damage(t, image.Path)
			_, err := take(t, s, digest("a"))
			var damaged *cache.DamagedError
			require.ErrorAs(t, err, &damaged)
			require.Contains(t, damaged.Reason, reason)
			require.ErrorAs(t, s.Check(t.Context(), digest("a")), &damaged)
		})
	}
}

// TestVerifyFindsWhatSizeAndTimeDoNotShow alters a file and sets its time back.
func TestVerifyFindsWhatSizeAndTimeDoNotShow(t *testing.T) {
	s := open(t)
	image := put(t, s, "registry/ock:1", digest("a"), "disk")
	require.NoError(t, os.WriteFile(image.Path, []byte("DISK"), 0o600))
	require.NoError(t, os.Chtimes(image.Path, time.Time{}, image.Modified))
	_, err := take(t, s, digest("a"))
	require.NoError(t, err)
	var damaged *cache.DamagedError
	require.ErrorAs(t, cache.Verify(t.Context(), image, nil), &damaged)
	require.Contains(t, damaged.Reason, "its SHA-256 is")
	require.NoError(t, os.Remove(image.Path))
	require.ErrorAs(t, cache.Verify(t.Context(), image, nil), &damaged)
}

func TestVerifyTellsItsProgressAndCanBeInterrupted(t *testing.T) {
	s := open(t)
	image := put(t, s, "registry/ock:1", digest("a"), strings.Repeat("disk", 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	var last int64
	require.NoError(t, cache.Verify(ctx, image, func(done, total int64) {
		require.Greater(t, done, last)
		require.EqualValues(t, 4<<20, total)
		last = done
	}))
	require.EqualValues(t, 4<<20, last)
	require.ErrorIs(t, cache.Verify(ctx, image, func(int64, int64) { cancel() }), context.Canceled)
}

func TestReferencesMeanWhatTheyMeantLast(t *testing.T) {
	s := open(t)
	_, known, err := s.Recall("registry/ock:1", "amd64")
	require.NoError(t, err)
	require.False(t, known)
	put(t, s, "registry/ock:1", digest("a"), "old")
	put(t, s, "registry/ock:1", digest("b"), "new")
	meaning, known, err := s.Recall("registry/ock:1", "amd64")
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, digest("b"), meaning.Image)
	_, known, err = s.Recall("registry/ock:1", "arm64")
	require.NoError(t, err)
	require.False(t, known)

	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "references.json"), []byte("{"), 0o600))
	_, known, err = s.Recall("registry/ock:1", "amd64")
	require.NoError(t, err, "what cannot be parsed is asked for again")
	require.False(t, known)
	put(t, s, "registry/ock:1", digest("b"), "new")
	_, known, err = s.Recall("registry/ock:1", "amd64")
	require.NoError(t, err)
	require.True(t, known)
}

func TestManyProcessesRemember(t *testing.T) {
	s := open(t)
	results := make(chan error)
	const count = 20
	for i := range count {
		go func() {
			results <- s.Remember(t.Context(), cache.Meaning{Reference: strings.Repeat("r", i+1), Architecture: "amd64", Image: digest("a")})
		}()
	}
	for range count {
		require.NoError(t, <-results)
	}
	for i := range count {
		_, known, err := s.Recall(strings.Repeat("r", i+1), "amd64")
		require.NoError(t, err)
		require.True(t, known)
	}
}

func TestListAndPrune(t *testing.T) {
	s := open(t)
	put(t, s, "registry/ock:1", digest("a"), "first")
	put(t, s, "registry/ock:2", digest("b"), "second")
	put(t, s, "registry/ock:2", digest("c"), "third")
	slot, err := s.Reserve(t.Context(), digest("d"), nil)
	require.NoError(t, err)
	partial, err := slot.Partial()
	require.NoError(t, err)
	_, err = partial.WriteString("half of a layer")
	require.NoError(t, err)
	require.NoError(t, partial.Close())
	require.NoError(t, slot.Close())
	// Files of other programs in the directory are left alone.
	other := filepath.Join(s.Dir(), "container-registry.oracle.com_olcne_ock")
	require.NoError(t, os.Mkdir(other, 0o700))

	entries, err := s.List()
	require.NoError(t, err)
	type line struct {
		digest, reference string
		references        int
		complete          bool
	}
	lines := map[line]bool{}
	for _, e := range entries {
		lines[line{e.Digest, e.Reference, len(e.References), e.Complete}] = true
		require.Positive(t, e.Stored)
		require.False(t, e.Used.IsZero())
		require.False(t, e.Created.IsZero())
	}
	require.Equal(t, map[line]bool{
		{digest("a"), "registry/ock:1", 1, true}: true,
		{digest("b"), "registry/ock:2", 0, true}: true,
		{digest("c"), "registry/ock:2", 1, true}: true,
		{digest("d"), "", 0, false}:              true,
	}, lines)

	long := time.Now().Add(-time.Hour)
	removed, inUse, err := s.Prune(t.Context(), cache.Prune{UnusedSince: long})
	require.NoError(t, err)
	require.Empty(t, removed)
	require.Empty(t, inUse)

	used, err := take(t, s, digest("c"))
	require.NoError(t, err)
	for _, dryRun := range []bool{true, false} {
		removed, inUse, err = s.Prune(t.Context(), cache.Prune{Keep: []string{"registry/ock:1", "none"}, DryRun: dryRun})
		require.NoError(t, err)
		require.Len(t, removed, 2)
		require.Len(t, inUse, 1)
		require.Equal(t, digest("c"), inUse[0].Digest)
	}
	require.NoError(t, s.Check(t.Context(), digest("a")))
	require.NoError(t, s.Check(t.Context(), digest("c")))
	require.ErrorIs(t, s.Check(t.Context(), digest("b")), cache.ErrAbsent)
	require.NoError(t, used.Close())

	for _, keep := range []string{digest("a"), strings.Repeat("a", 7)} {
		put(t, s, "registry/ock:3", digest("e"), "fifth")
		removed, _, err = s.Prune(t.Context(), cache.Prune{Keep: []string{keep, "registry/ock:2"}})
		require.NoError(t, err)
		require.Len(t, removed, 1, keep)
		require.Equal(t, digest("e"), removed[0].Digest)
		_, known, err := s.Recall("registry/ock:3", "amd64")
		require.NoError(t, err)
		require.False(t, known, "what is gone is forgotten")
	}
	removed, _, err = s.Prune(t.Context(), cache.Prune{})
	require.NoError(t, err)
	require.Len(t, removed, 2)
	locks, err := os.ReadDir(filepath.Join(s.Dir(), "locks"))
	require.NoError(t, err)
	require.Len(t, locks, 1, "that of the references")
	require.DirExists(t, other)
}
