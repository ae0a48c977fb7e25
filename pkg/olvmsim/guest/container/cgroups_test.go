//go:build linux

package container

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHierarchiesAreFoundWhereTheyAreMounted(t *testing.T) {
	const groups = `12:cpu,cpuacct:/user.slice
3:memory:/docker/abc/inner
2:freezer:/
1:name=systemd:/init.scope
0::/init.scope
`
	const mounts = `31 23 0:26 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,name=systemd
32 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu
33 23 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 23 0:30 / /proc rw - proc proc rw
`
	require.Equal(t, []hierarchy{
		{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user.slice"},
		{"memory", "/sys/fs/cgroup/memory/inner"}, // this process sees a part of the hierarchy only
		{"name=systemd", "/sys/fs/cgroup/systemd/init.scope"},
		{"", "/sys/fs/cgroup/unified/init.scope"},
	}, parseHierarchies(groups, mounts), "freezer is not mounted")
}

func TestPathsAreEscapedForOverlays(t *testing.T) {
	require.Equal(t, []string{`/a\:b`, `/c\,d`, `/e\\f`}, escaped("/a:b", "/c,d", `/e\f`))
}

func TestImagesPickLayersByVersion(t *testing.T) {
	image := Image{dir: "/image", Versions: []string{"v1.34.4", "v1.34.5"}}
	for version, want := range map[string]string{"": "/image/versions/v1.34.4", "v1.34.5": "/image/versions/v1.34.5"} {
		layers, err := image.layers(version)
		require.NoError(t, err)
		require.Equal(t, []string{want, "/image/root"}, layers)
	}
	_, err := image.layers("v1.33.10")
	require.ErrorContains(t, err, "has no Kubernetes v1.33.10, but v1.34.4, v1.34.5: set kubernetesVersion of the template")
	_, err = OpenImage("/does/not/exist")
	require.ErrorContains(t, err, "open node image")
}
