package olvmsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// secretNames are the properties whose values the journal does not keep: passwords, and documents that hold some.
func secretNames() []string {
	return []string{"password", "root_password", "custom_script", "user_password", "content"}
}

// withoutSecrets is a body in which lengths and checksums stand in place of secrets. What cannot be read is replaced whole.
func withoutSecrets(body []byte) string {
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return ""
	case trimmed[0] == '<':
		return xmlWithoutSecrets(string(trimmed))
	}
	decoder := json.NewDecoder(bytes.NewReader(trimmed))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return placeholder(string(trimmed))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(hide(value)); err != nil {
		return placeholder(string(trimmed))
	}
	return strings.TrimSpace(out.String())
}

func hide(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if text, ok := inner.(string); ok && slices.Contains(secretNames(), key) {
				v[key] = placeholder(text)
				continue
			}
			v[key] = hide(inner)
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i])
		}
	}
	return value
}

func xmlWithoutSecrets(text string) string {
	for _, name := range secretNames() {
		element := regexp.MustCompile(`(?s)(<` + name + `(?:\s[^>]*)?>)(.*?)(</` + name + `\s*>)`)
		text = element.ReplaceAllStringFunc(text, func(found string) string {
			parts := element.FindStringSubmatch(found)
			return parts[1] + placeholder(parts[2]) + parts[3]
		})
	}
	return text
}

// placeholder tells texts apart without saying what they are.
func placeholder(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("[%d bytes, sha256 %s]", len(text), hex.EncodeToString(sum[:6]))
}
