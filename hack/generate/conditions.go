package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// conditionsPage describes the conditions and reasons by the comments of their constants.
func conditionsPage(root string) (string, error) {
	sources := []string{"api/v1/conditions.go", "api/v1/pools.go"}
	p := newPage("Conditions and reasons", strings.Join(sources, " and "))
	p.paragraph("The conditions of OLVMCluster and OLVMMachine, and the reasons that they show. What to do about a reason is in " +
		"[Find out what is wrong](../howto/find-out-what-is-wrong.md). Both kinds also have Cluster API's condition `Paused`.")
	for _, source := range sources {
		if err := p.conditions(root, source); err != nil {
			return "", err
		}
	}
	return p.String(), nil
}

// conditions describes the constants of a file that stand in groups with comments.
func (p *page) conditions(root, source string) error {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(source)), nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, declaration := range file.Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST || typed(constants) {
			continue
		}
		title, rest, _ := strings.Cut(sentence(constants.Doc.Text()), ". ")
		p.heading(strings.TrimSuffix(title, "."))
		if rest != "" {
			p.paragraph(rest)
		}
		p.blank()
		for _, spec := range constants.Specs {
			text, err := constant(spec)
			if err != nil {
				return fmt.Errorf("%s: %w", source, err)
			}
			p.item(text)
		}
	}
	return nil
}

// typed tells the values of enumerations from the names of conditions and reasons.
func typed(constants *ast.GenDecl) bool {
	first, ok := constants.Specs[0].(*ast.ValueSpec)
	return ok && first.Type != nil
}

// constant is the value of a constant and what its comment says, with the value in the place of the constant's name.
func constant(spec ast.Spec) (string, error) {
	value, ok := spec.(*ast.ValueSpec)
	if !ok || len(value.Names) != 1 || len(value.Values) != 1 {
		return "", fmt.Errorf("expected one constant on each line")
	}
	name := value.Names[0].Name
	literal, ok := value.Values[0].(*ast.BasicLit)
	if !ok {
		return "", fmt.Errorf("constant %s is not a literal", name)
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return "", fmt.Errorf("constant %s: %w", name, err)
	}
	shown := "`" + text + "`"
	comment := sentence(value.Doc.Text())
	if comment == "" {
		return shown, nil
	}
	if !strings.HasPrefix(comment, name) {
		return "", fmt.Errorf("the comment of constant %s does not begin with its name", name)
	}
	return shown + strings.TrimPrefix(comment, name), nil
}
