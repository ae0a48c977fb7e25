// Command generate writes everything that is generated and committed: the deep copies and CRDs of api/v1, the manifests of
// Cluster API that ocne-manager installs, the provider's roles and its packages for clusterctl and Helm, and the reference in
// docs/reference. Run it with "make generate" or, from the top of the tree, "go run ./hack/generate".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clusterAPI is the module whose CRDs and webhook configurations are installed.
const clusterAPI = "sigs.k8s.io/cluster-api"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if err := generateAPI(ctx, root); err != nil {
		return err
	}
	module, err := findModule(ctx, root)
	if err != nil {
		return err
	}
	files, err := extract(module)
	if err != nil {
		return err
	}
	if err := replaceFiles(filepath.Join(root, "internal", "capi", "manifests"), files); err != nil {
		return err
	}
	if err := generatePackages(ctx, root); err != nil {
		return err
	}
	if err := generateSchema(root); err != nil {
		return err
	}
	return generateReference(root)
}

// moduleRoot is the directory of the go.mod in use.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := goCommand(ctx, ".", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if out == "" || out == os.DevNull {
		return "", errors.New("not inside the ocne module: run from a checkout")
	}
	return filepath.Dir(out), nil
}

// goCommand runs the go command in dir and returns what it printed.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// replaceFiles makes the YAML files below dir exactly the given ones; other files stay.
func replaceFiles(dir string, files map[string][]byte) error {
	old, err := yamlFiles(dir)
	if err != nil {
		return err
	}
	for path := range old {
		if _, keep := files[path]; !keep {
			if err := os.Remove(filepath.Join(dir, path)); err != nil {
				return err
			}
		}
	}
	for path, content := range files {
		target := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// yamlFiles reads the YAML files below dir, keyed by their path relative to it.
func yamlFiles(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return files, nil
	}
	return files, err
}
