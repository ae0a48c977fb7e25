package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	butane "github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	ignerrors "github.com/coreos/ignition/v2/config/shared/errors"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/vcontext/report"
	"sigs.k8s.io/yaml"
)

// ParseUser turns what a user wrote, Butane or Ignition 3.x, JSON or YAML, into Ignition 3.4.0 JSON for Input.User. Warnings are
// errors: a key that Ignition does not know is a setting that would silently not be made.
func ParseUser(doc []byte) ([]byte, error) {
	var head struct {
		Variant string `json:"variant"`
	}
	raw, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, fmt.Errorf("read Ignition or Butane: %s", withoutContents(err.Error()))
	}
	if json.Valid(doc) {
		raw = doc // so that errors give the user's own lines
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, errors.New("read Ignition or Butane: the document is not a mapping of keys to values")
	}
	if head.Variant != "" {
		translated, report, err := butane.TranslateBytes(doc, common.TranslateBytesOptions{Raw: true})
		if err != nil {
			return nil, fmt.Errorf("read Butane: %w", parseError(report, err))
		}
		if len(report.Entries) > 0 {
			return nil, fmt.Errorf("read Butane: %w", findings(report.Entries))
		}
		raw = translated
	}
	config, report, err := parse3(raw)
	if err != nil {
		return nil, fmt.Errorf("read Ignition: %w", err)
	}
	if len(report.Entries) > 0 {
		return nil, fmt.Errorf("read Ignition: %w", findings(report.Entries))
	}
	return json.Marshal(config)
}

// IsIgnition3 says whether text is Ignition 3.x JSON. Manifests carry that in containerLinuxConfig.additionalConfig, which stock
// kubeadm bootstrap reads as a Container Linux Config and mangles; the document's own copy then goes to Input.Additional.
func IsIgnition3(text []byte) bool { return strings.HasPrefix(specVersion(text), "3.") }

// parse3 reads Ignition 3.0.0 to 3.4.0 as 3.4.0. The report holds warnings when there is no error.
func parse3(raw []byte) (types.Config, report.Report, error) {
	version := specVersion(raw)
	switch {
	case version == "":
		return types.Config{}, report.Report{}, errors.New("the document is not Ignition JSON: it has no ignition.version")
	case !strings.HasPrefix(version, "3."):
		return types.Config{}, report.Report{}, fmt.Errorf("the document is Ignition %s; node images read 3.0.0 to %s: "+
			"convert it, for example with ign-converter", version, types.MaxVersion)
	}
	config, rpt, err := v3_4.ParseCompatibleVersion(raw)
	if errors.Is(err, ignerrors.ErrUnknownVersion) {
		return types.Config{}, rpt, fmt.Errorf("the document is Ignition %s, newer than the %s that node images read: "+
			"lower its version (Butane fcos 1.5.0 makes %[2]s)", version, types.MaxVersion)
	}
	if err != nil {
		return types.Config{}, rpt, parseError(rpt, err)
	}
	return config, rpt, nil
}

// specVersion is the Ignition version that a JSON document claims, or empty.
func specVersion(raw []byte) string {
	var head struct {
		Ignition struct {
			Version string `json:"version"`
		} `json:"ignition"`
	}
	if json.Unmarshal(raw, &head) != nil || !regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-experimental)?$`).MatchString(head.Ignition.Version) {
		return ""
	}
	return head.Ignition.Version
}

// parseError is a parser's error with what its report says about it.
func parseError(r report.Report, err error) error {
	if r.IsFatal() {
		return fatal(r)
	}
	return errors.New(withoutContents(err.Error()))
}

func fatal(r report.Report) error {
	var list []report.Entry
	for _, e := range r.Entries {
		if e.Kind.IsFatal() {
			list = append(list, e)
		}
	}
	return findings(list)
}

func findings(list []report.Entry) error {
	texts := make([]string, 0, len(list))
	for _, e := range list {
		e.Message = withoutContents(e.Message)
		texts = append(texts, e.String())
	}
	return errors.New(strings.Join(texts, "; "))
}

// withoutContents takes quotations of a document out of a parser's message. YAML and JSON parsers quote values, and systemd's
// quotes lines of units.
func withoutContents(message string) string {
	message = regexp.MustCompile(`(invalid unit content)[^\n]*`).ReplaceAllString(message, "$1")
	message = regexp.MustCompile("`[^`]*`|\"[^\"]*\"|'[^']*'").ReplaceAllString(message, "...")
	return strings.Join(strings.Fields(message), " ")
}
