package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnImageWithoutATagIsThatOfTheKubernetesMinor(t *testing.T) {
	for _, tc := range []struct{ reference, version, want string }{
		{"docker://container-registry.oracle.com/olcne/ock", "1.33", "docker://container-registry.oracle.com/olcne/ock:1.33"},
		{"docker://container-registry.oracle.com/olcne/ock", "v1.33.10", "docker://container-registry.oracle.com/olcne/ock:1.33"},
		{"registry.example.com:5000/ock", "1.32", "registry.example.com:5000/ock:1.32"},
		{"registry.example.com:5000/ock:test", "1.32", "registry.example.com:5000/ock:test"},
		{"registry.example.com/ock@sha256:aa", "1.32", "registry.example.com/ock@sha256:aa"},
		{"oci:/var/ock", "1.33", "oci:/var/ock"},
		{"docker-archive:ock.tar", "1.33", "docker-archive:ock.tar"},
		{"/var/boot.qcow2", "1.33", "/var/boot.qcow2"},
		{"boot.qcow2", "1.33", "boot.qcow2"},
		{"registry.example.com/ock", "soon", "registry.example.com/ock"},
	} {
		require.Equal(t, tc.want, withTag(tc.reference, tc.version), tc.reference)
	}
}
