package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ocne-project/ocne/hack/generate/packages"
)

// roleName is that of the existing chart.
const roleName = "olvm-capi-controller-manager-role"

// generatePackages writes the roles, out of the markers, and what clusterctl and Helm install.
func generatePackages(ctx context.Context, root string) error {
	roles, err := generateRoles(ctx, root)
	if err != nil {
		return err
	}
	if err := replaceFiles(filepath.Join(root, "config", "rbac"), roles); err != nil {
		return err
	}
	files, err := packages.Files(root, packages.Version)
	if err != nil {
		return fmt.Errorf("make the packages: %w", err)
	}
	for _, dir := range []string{packages.ClusterctlDir, packages.ChartDir} {
		if err := replaceFiles(filepath.Join(root, filepath.FromSlash(dir)), packages.Below(files, dir)); err != nil {
			return err
		}
	}
	return nil
}

// generateRoles reads the +kubebuilder:rbac markers of everything that runs with --providers=olvm.
func generateRoles(ctx context.Context, root string) (map[string][]byte, error) {
	raw, err := os.MkdirTemp("", "ocne-rbac-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(raw)
	_, err = goCommand(ctx, root, "tool", "-modfile="+filepath.Join("hack", "tools", "go.mod"), "controller-gen",
		"rbac:roleName="+roleName, "paths=./internal/controller/...;./internal/capi/manager", "output:rbac:dir="+raw)
	if err != nil {
		return nil, err
	}
	return yamlFiles(raw)
}
