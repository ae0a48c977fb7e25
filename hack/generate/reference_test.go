package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommittedReferenceIsThatOfTheCode(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	want, err := reference(root)
	require.NoError(t, err)
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join(root, "docs", "reference", name))
		require.NoError(t, err)
		require.Equal(t, content, string(got), "docs/reference/%s: run make generate", name)
	}
}

func TestTheCommittedSchemaOfTheClusterFileIsThatOfTheCode(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	want, err := clusterFileSchema(root)
	require.NoError(t, err)
	for _, name := range schemaFiles() {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run make generate", name)
	}
}

// The commands of these programs are not packages that could be imported, so their pages are written by hand.
func TestPagesWrittenByHandNameEveryFlag(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	for page, sources := range map[string][]string{
		"manager.md": {"cmd/ocne-manager/flags.go"},
		"simulator.md": {
			"cmd/olvmsim/main.go", "cmd/olvmsim/inventory.go", "cmd/olvmsim/connection.go", "cmd/olvmsim/set.go", "cmd/olvmsim/fault.go",
			"cmd/olvmsim/run_control.go",
		},
		"controlplane.md": {"controlplane/main.go"},
	} {
		content, err := os.ReadFile(filepath.Join(root, "docs", "reference", page))
		require.NoError(t, err)
		for _, source := range sources {
			flags := flagNames(t, filepath.Join(root, filepath.FromSlash(source)))
			require.NotEmpty(t, flags, source)
			for _, name := range flags {
				require.Contains(t, string(content), "`--"+name, "docs/reference/%s lacks a flag of %s", page, source)
			}
		}
	}
}

// flagNames finds the calls that define flags, such as flags.StringVar(&x, "name", ...) and flags.Bool("name", ...).
func flagNames(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !isNamed(method.X, "flags") {
			return true
		}
		for _, argument := range call.Args {
			if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				name, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				names = append(names, name)
				break
			}
		}
		return true
	})
	return names
}

func isNamed(x ast.Expr, name string) bool {
	identifier, ok := x.(*ast.Ident)
	return ok && identifier.Name == name
}

func TestLinesAreBrokenAtSpaces(t *testing.T) {
	text := wrap(strings.Repeat("word ", 60), "  ")
	for line := range strings.SplitSeq(text, "\n") {
		require.LessOrEqual(t, len(line), pageWidth)
	}
	require.Equal(t, strings.Fields(strings.Repeat("word ", 60)), strings.Fields(text))
}
