package ock

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	platformArg   = "ignition.platform.id="
	serialConsole = "console=ttyS0"
	screenConsole = "console=tty0"
)

// bootEntry is the text of a loader entry (the Boot Loader Specification, type 1).
type bootEntry struct {
	lines  []string
	title  string
	kernel string // path of the kernel
	line   int    // which of the lines has the kernel arguments
}

// parseEntry takes a text that has exactly one line of kernel arguments, with exactly one platform for Ignition.
func parseEntry(text string) (bootEntry, error) {
	e := bootEntry{lines: strings.Split(text, "\n"), line: -1}
	for i, line := range e.lines {
		key, value, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		switch key {
		case "title":
			e.title = strings.TrimSpace(value)
		case "linux":
			e.kernel = strings.TrimSpace(value)
		case "options":
			if e.line >= 0 {
				return e, errors.New("it has more than one line of options")
			}
			e.line = i
		}
	}
	if e.line < 0 {
		return e, errors.New("it has no line of options")
	}
	if e.platform() == "" {
		return e, fmt.Errorf("its options have no %s", platformArg)
	}
	return e, nil
}

// options are the kernel arguments.
func (e *bootEntry) options() string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(e.lines[e.line]), "options"))
}

func (e *bootEntry) platform() string {
	for _, arg := range strings.Fields(e.options()) {
		if value, ok := strings.CutPrefix(arg, platformArg); ok {
			return value
		}
	}
	return ""
}

// operatingSystem is the title without the number of ostree's deployment.
func (e *bootEntry) operatingSystem() string {
	return strings.TrimSpace(regexp.MustCompile(`\(ostree:[0-9]+\)$`).ReplaceAllString(e.title, ""))
}

// converted tells whether nothing is left to change but for kernel arguments that are added.
func (e *bootEntry) converted() bool {
	text, err := e.convert("")
	return err == nil && text == e.text()
}

func (e *bootEntry) text() string { return strings.Join(e.lines, "\n") }

// convert gives the text for OLVM. Arguments are added once: a text that ends in them has them already.
func (e *bootEntry) convert(args string) (string, error) {
	words := strings.Split(strings.ReplaceAll(e.lines[e.line], "\t", " "), " ")
	platforms, consoles := 0, 0
	for i, word := range words {
		if value, ok := strings.CutPrefix(word, platformArg); ok {
			if value != PlatformQEMU && value != PlatformOpenStack {
				return "", fmt.Errorf("%w: %s", ErrPlatform, word)
			}
			platforms++
			words[i] = platformArg + PlatformOpenStack
		}
		// The serial line's speed may follow.
		if word == serialConsole || strings.HasPrefix(word, serialConsole+",") {
			consoles++
			words[i] = screenConsole
		}
	}
	if platforms != 1 || consoles > 1 {
		return "", fmt.Errorf("%w: %d times %s, %d times %s", ErrAmbiguous, platforms, platformArg, consoles, serialConsole)
	}
	line := strings.Join(words, " ")
	if args != "" && !strings.HasSuffix(strings.TrimRight(line, " "), " "+args) {
		line = strings.TrimRight(line, " ") + " " + args
	}
	lines := append([]string{}, e.lines...)
	lines[e.line] = line
	return strings.Join(lines, "\n"), nil
}

// checkArgs refuses what would not be one line of kernel arguments.
func checkArgs(args string) error {
	for _, r := range args {
		if r < ' ' || r == 0x7f {
			return &RefusedError{Object: "kernel arguments", Err: ErrKernelArgs, Detail: fmt.Sprintf("they contain the control character %q", r),
				Next: "give them in one line, with spaces between them"}
		}
	}
	return nil
}
