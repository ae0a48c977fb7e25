// Package crd embeds the CRDs of the OLVM provider, for programs that install them.
package crd

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// Files returns the CRDs, one YAML document in each file.
func Files() fs.FS { return files }
