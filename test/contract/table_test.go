package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// row is one line of a table: rule, level, what we do, tests.
type row struct{ rule, level, does, tests string }

func rows(t *testing.T) (all []row) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/contract.md")
	require.NoError(t, err)
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| rule |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		require.Len(t, cells, 4, line)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			require.NotEmpty(t, cells[i], line)
		}
		all = append(all, row{cells[0], cells[1], cells[2], cells[3]})
	}
	return all
}

func TestEveryRowOfTheTableHasTestsThatExist(t *testing.T) {
	all := rows(t)
	require.Greater(t, len(all), 40)
	name := regexp.MustCompile("`([^`]+)`")
	seen, packages := map[string]bool{}, map[string]*tests{}
	for _, r := range all {
		require.Regexp(t, `^((MUST|SHOULD|MAY)( (for|where) .*)?|upstream|ours)$`, r.level, r.rule)
		found := name.FindAllStringSubmatch(r.tests, -1)
		require.NotEmpty(t, found, "rule %q has no test", r.rule)
		for _, match := range found {
			dir, path, ok := strings.Cut(match[1], ".Test")
			require.True(t, ok, "%q names no test", match[1])
			if packages[dir] == nil {
				packages[dir] = parseTests(t, filepath.Join("../..", dir))
			}
			parts := strings.Split("Test"+path, "/")
			require.Contains(t, packages[dir].functions, parts[0], "rule %q", r.rule)
			for _, subtest := range parts[1:] {
				require.Contains(t, packages[dir].texts, subtest, "rule %q: %s has no such subtest", r.rule, dir)
			}
			seen[match[1]] = true
		}
	}
	require.Greater(t, len(seen), 40, "tests that are named")
}

// tests are the test functions of a package, and the texts that its subtests can be named by.
type tests struct{ functions, texts map[string]bool }

func parseTests(t *testing.T, dir string) *tests {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	found := &tests{functions: map[string]bool{}, texts: map[string]bool{}}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found.functions[f.Name.Name] = true
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			for _, e := range named(n) {
				if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					found.texts[text] = true
				}
			}
			return true
		})
	}
	return found
}

// named are the expressions that can be a subtest's name: the first argument of Run, a key of a table, the first field of its rows.
func named(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Run" && len(n.Args) == 2 {
			return n.Args[:1]
		}
	case *ast.KeyValueExpr:
		return []ast.Expr{n.Key}
	case *ast.CompositeLit:
		if n.Type == nil && len(n.Elts) > 0 {
			return n.Elts[:1]
		}
	}
	return nil
}
