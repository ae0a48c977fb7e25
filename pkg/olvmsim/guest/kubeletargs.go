package guest

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// kubeletArguments are command line flags of the kubelet by name, without dashes.
type kubeletArguments map[string]string

// readKubeletArguments returns the flags that the document itself adds to the kubelet's command line: drop-ins of
// kubelet.service and the environment files that the packaged unit reads (/etc/default/kubelet of kubeadm's deb,
// /etc/sysconfig/kubelet of its rpm).
func readKubeletArguments(doc *document) kubeletArguments {
	// kubeadm's drop-in ends with these two; only the second is open to the document.
	command, environment := "$KUBELET_EXTRA_ARGS", map[string]string{}
	files := []string{"/etc/default/kubelet", "/etc/sysconfig/kubelet"}
	for _, text := range kubeletUnits(doc) {
		for line := range strings.Lines(text) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key {
			case "Environment":
				for _, assignment := range splitQuoted(value) {
					setVariable(environment, assignment)
				}
			case "EnvironmentFile":
				files = append(files, strings.TrimPrefix(value, "-"))
			case "ExecStart": // an empty one only resets the list
				command = value
			}
		}
	}
	for _, name := range files { // a file overrides Environment=, systemd.exec(5)
		for line := range strings.Lines(string(doc.files[name].data)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
				key, value, _ := strings.Cut(line, "=")
				setVariable(environment, key+"="+strings.Join(splitQuoted(value), " "))
			}
		}
	}
	return parseFlags(splitQuoted(os.Expand(command, func(name string) string { return environment[name] })))
}

// kubeletUnits returns the unit and drop-ins of kubelet.service in the order in which systemd reads them.
func kubeletUnits(doc *document) []string {
	var unit string
	dropins := map[string]string{}
	for _, u := range doc.units {
		if u.Name != "kubelet.service" {
			continue
		}
		if u.Contents != nil {
			unit = *u.Contents
		}
		for _, d := range u.Dropins {
			if d.Contents != nil {
				dropins[d.Name] = *d.Contents
			}
		}
	}
	for name, f := range doc.files {
		if ok, _ := path.Match("/etc/systemd/system/kubelet.service.d/*.conf", name); ok {
			dropins[path.Base(name)] = string(f.data)
		}
	}
	out := []string{unit}
	for _, name := range slices.Sorted(maps.Keys(dropins)) {
		out = append(out, dropins[name])
	}
	return out
}

func setVariable(environment map[string]string, assignment string) {
	if key, value, ok := strings.Cut(assignment, "="); ok {
		environment[strings.TrimSpace(key)] = value
	}
}

// splitQuoted splits at white space outside of single and double quotes, and takes the quotes away.
func splitQuoted(s string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, c := range s {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// parseFlags reads --name=value and --name value.
func parseFlags(words []string) kubeletArguments {
	out := kubeletArguments{}
	for i := 0; i < len(words); i++ {
		name, ok := strings.CutPrefix(words[i], "--")
		if !ok {
			continue
		}
		name, value, hasValue := strings.Cut(name, "=")
		if !hasValue && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			i++
			value = words[i]
		}
		out[name] = value
	}
	return out
}
