package boot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/ign-converter/translate/v23tov30"
	"github.com/coreos/ignition/config/v2_3"
	ign2 "github.com/coreos/ignition/config/v2_3/types"
	ign2report "github.com/coreos/ignition/config/validate/report"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// bootstrapConfig reads what the bootstrap provider made. Stock kubeadm bootstrap writes Ignition 2.3, which no node image reads.
func bootstrapConfig(raw []byte, format string) (types.Config, error) {
	if format != FormatIgnition {
		return types.Config{}, fmt.Errorf("%w but %q: set format: ignition or format: cloud-config in the KubeadmConfig", ErrFormat, format)
	}
	if !strings.HasPrefix(specVersion(raw), "2.") {
		config, _, err := parse3(raw)
		return config, err
	}
	old, report, err := v2_3.Parse(raw)
	if err != nil {
		messages := []string{err.Error()}
		for _, e := range report.Entries {
			if e.Kind == ign2report.EntryError {
				messages = append(messages, withoutContents(e.Message))
			}
		}
		return types.Config{}, fmt.Errorf("not accepted by Ignition 2: %s", strings.Join(messages, "; "))
	}
	var config types.Config
	for _, part := range unique(old) {
		next, err := translate(part)
		if err != nil {
			return types.Config{}, err
		}
		config = fold(config, next)
	}
	return config, nil
}

// unique deals a document out into parts in which no name occurs twice, because the translation refuses duplicates and Ignition 2
// allows them: bootstrap appends additionalConfig's units and files to its own. The first part has the first of each name.
func unique(doc ign2.Config) []ign2.Config {
	first := doc
	first.Passwd = ign2.Passwd{}
	first.Systemd = ign2.Systemd{}
	first.Storage.Files, first.Storage.Directories, first.Storage.Links = nil, nil, nil
	parts := []ign2.Config{first}
	part := func(n int) *ign2.Config {
		for len(parts) <= n {
			next := ign2.Config{Ignition: ign2.Ignition{Version: doc.Ignition.Version}}
			next.Storage.Filesystems = doc.Storage.Filesystems // files refer to them
			parts = append(parts, next)
		}
		return &parts[n]
	}
	deal(doc.Systemd.Units, func(u ign2.Unit) string { return u.Name }, func(n int) *[]ign2.Unit { return &part(n).Systemd.Units })
	deal(doc.Passwd.Users, func(u ign2.PasswdUser) string { return u.Name }, func(n int) *[]ign2.PasswdUser { return &part(n).Passwd.Users })
	deal(doc.Passwd.Groups, func(g ign2.PasswdGroup) string { return g.Name }, func(n int) *[]ign2.PasswdGroup { return &part(n).Passwd.Groups })
	deal(doc.Storage.Files, func(f ign2.File) string { return nodeKey(f.Node) }, func(n int) *[]ign2.File { return &part(n).Storage.Files })
	deal(doc.Storage.Directories, func(d ign2.Directory) string { return nodeKey(d.Node) },
		func(n int) *[]ign2.Directory { return &part(n).Storage.Directories })
	deal(doc.Storage.Links, func(l ign2.Link) string { return nodeKey(l.Node) }, func(n int) *[]ign2.Link { return &part(n).Storage.Links })
	return parts
}

func nodeKey(n ign2.Node) string { return n.Filesystem + ":" + n.Path }

// deal appends the n-th item of a name to the n-th list.
func deal[T any](items []T, name func(T) string, list func(n int) *[]T) {
	seen := map[string]int{}
	for _, item := range items {
		l := list(seen[name(item)])
		*l = append(*l, item)
		seen[name(item)]++
	}
}

func translate(part ign2.Config) (types.Config, error) {
	v30, err := v23tov30.Translate(part, nil)
	if err != nil {
		return types.Config{}, fmt.Errorf("translate Ignition 2 to 3: %s", withoutContents(err.Error()))
	}
	raw, err := json.Marshal(v30)
	if err != nil {
		return types.Config{}, fmt.Errorf("translate Ignition 2 to 3: %w", err)
	}
	config, _, err := parse3(raw)
	return config, err
}

// fold lays the later part of a document over the earlier one as Ignition 2 would on disk: a later file replaces the earlier one
// whole, unless it appends; of a unit, the later contents win and drop-ins add up, which is what Ignition 3's merge does.
func fold(earlier, later types.Config) types.Config {
	for i, f := range later.Storage.Files {
		if len(f.Append) > 0 {
			later.Storage.Files[i].Overwrite = nil // the earlier file's answer holds
			continue
		}
		earlier.Storage.Files = slices.DeleteFunc(earlier.Storage.Files, func(e types.File) bool { return e.Path == f.Path })
	}
	return v3_4.Merge(earlier, later)
}
