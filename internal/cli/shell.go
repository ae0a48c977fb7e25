package cli

import (
	"cmp"
	"fmt"
	"strings"
)

// Quote protects a word from the shell when that is needed.
func Quote(word string) string {
	special := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-/:@%+=,", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Name is how the user called ocne, to be copied into a shell.
func (e *Environment) Name() string { return Quote(cmp.Or(e.Command, "ocne")) }

// CommandLine is a command about a cluster that exists, to be copied into a shell; words are its further flags.
func (e *Environment) CommandLine(verb string, which Existing, name string, words ...string) string {
	line := []string{e.Name(), "cluster", verb}
	if which.ConfigFile != "" {
		line = append(line, "-c", Quote(which.ConfigFile))
	}
	if which.ConfigFile == "" || which.Name != nil {
		line = append(line, "-C", Quote(name))
	}
	for _, word := range words {
		line = append(line, Quote(word))
	}
	if which.Kubeconfig != "" {
		line = append(line, "-k", Quote(which.Kubeconfig))
	}
	return strings.Join(line, " ")
}

// Count is a number with its noun, which is one that takes an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
