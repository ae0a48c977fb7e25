package backup_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ocne-project/ocne/internal/backup"
)

const secret = "correct-horse-battery-staple"

func content() backup.Content {
	return backup.Content{
		Format: 1, Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Source: backup.Source{ID: "id", Description: "here", Host: "host", Kubeconfig: []byte("kubeconfig")},
		Objects: []*unstructured.Unstructured{{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "a"}, "data": map[string]any{"password": secret},
		}}},
	}
}

func newKey(t *testing.T, path string) *backup.Key {
	t.Helper()
	key, created, err := backup.EnsureKey(path, time.Unix(0, 0))
	require.NoError(t, err)
	require.True(t, created)
	return key
}

func expectPrivate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
}

func TestABackupIsReadWithItsKeyOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "made", "file.age")
	key := newKey(t, filepath.Join(dir, "key"))
	require.NoError(t, backup.Write(path, key, content()))
	expectPrivate(t, path)
	read, err := backup.Read(path, key)
	require.NoError(t, err)
	require.Equal(t, content(), read)

	_, err = backup.Read(path, newKey(t, filepath.Join(dir, "other")))
	require.ErrorIs(t, err, backup.ErrWrongKey)
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.False(t, bytes.Contains(written, []byte(secret)))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")
}

func TestADamagedBackupIsRefused(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "file"), newKey(t, filepath.Join(dir, "key"))
	require.NoError(t, backup.Write(path, key, content()))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := bytes.Clone(whole)
	changed[len(changed)-1] ^= 1
	for name, damaged := range map[string][]byte{
		"cut off": whole[:len(whole)-20], "empty": nil, "a byte changed": changed, "something else": []byte("kind: Secret\n"),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			_, err := backup.Read(path, key)
			require.ErrorIs(t, err, backup.ErrDamaged)
			require.ErrorContains(t, err, path)
		})
	}
	_, err = backup.Read(filepath.Join(dir, "missing"), key)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestTheKeyIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "key")
	var made sync.WaitGroup
	for range 20 {
		made.Go(func() {
			_, _, err := backup.EnsureKey(path, time.Unix(0, 0))
			if err != nil {
				t.Error(err)
			}
		})
	}
	made.Wait()
	expectPrivate(t, path)
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	_, created, err := backup.EnsureKey(path, time.Unix(0, 0))
	require.NoError(t, err)
	require.False(t, created)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(first), string(again))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")
}

func TestAKeyThatCannotBeUsedIsRefusedWithoutShowingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	_, err := backup.LoadKey(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	newKey(t, path)
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = backup.LoadKey(path)
	require.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
	_, err = backup.LoadKey(path)
	require.ErrorContains(t, err, "is not a key file of age")
	require.NotContains(t, err.Error(), secret)
}

func TestADirectoryKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	key := newKey(t, filepath.Join(dir, "key"))
	d := backup.Directory{Path: filepath.Join(dir, "backups"), Keep: 3}
	files, err := d.Files()
	require.NoError(t, err)
	require.Empty(t, files, "before there is a directory")
	var paths []string
	c := content()
	for range 5 {
		c.Created = c.Created.Add(time.Nanosecond)
		path, err := d.Save(key, c)
		require.NoError(t, err)
		paths = append(paths, path)
	}
	foreign := filepath.Join(d.Path, "management-mine.age")
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))
	c.Created = c.Created.Add(time.Hour)
	_, err = d.Save(key, c)
	require.NoError(t, err)
	files, err = d.Files()
	require.NoError(t, err)
	require.Equal(t, []backup.File{
		{Path: d.Name(c.Created), Created: c.Created}, {Path: paths[4], Created: c.Created.Add(-time.Hour)},
		{Path: paths[3], Created: c.Created.Add(-time.Hour - time.Nanosecond)},
	}, files)
	require.FileExists(t, foreign, "what ocne did not write stays")
}
