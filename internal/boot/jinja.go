package boot

import (
	"fmt"
	"regexp"
	"strings"
)

// jinjaHeader makes cloud-init fill in what it knows of the machine (cloudinit/handlers/jinja_template.py). It must be the first line.
const jinjaHeader = "## template: jinja"

// rendered fills in the machine's name where the document's author left that to cloud-init. Behind the engine's own header cloud-init does
// not see that the document is a template, and takes what is left of it literally; so anything else is refused.
func rendered(text, hostname string) (string, error) {
	first, _, _ := strings.Cut(text, "\n")
	if strings.ToLower(strings.Join(strings.Fields(first), "")) != strings.ReplaceAll(jinjaHeader, " ", "") {
		return text, nil
	}
	name := regexp.MustCompile(`\{\{-?\s*(?:ds\.meta_data\.(?:local_hostname|hostname|name)|(?:v1\.)?local_hostname)\s*-?\}\}`)
	text = name.ReplaceAllLiteralString(text, hostname)
	left := regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}`).FindString(text)
	if left == "" {
		return text, nil
	}
	if !regexp.MustCompile(`^\{\{[ A-Za-z0-9_.-]*\}\}$`).MatchString(left) {
		left = "a Jinja expression"
	}
	return "", fmt.Errorf("it has %s, which stays as it is, because the engine's header hides that this is a template: of a machine, only its name "+
		"can be filled in, as {{ ds.meta_data.local_hostname }}", left)
}
