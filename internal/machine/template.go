package machine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// templateIllegal is the status of a template that is broken for good.
const templateIllegal = "illegal"

// TemplateChoice says which VM template is wanted: one with an id, or a version of a name.
type TemplateChoice struct {
	Name    string
	Version string // a number, latest, or empty
	ID      string // instead of the name
	// Chosen is the id that was chosen for this VM before; a repeated request asks for the same.
	Chosen string
}

// Choose finds the template among those of a data center. Without a version, there has to be one of the name, unless ocne made all of them
// of images: it makes a version of each upload, and the newest is meant. The error is a *engine.MissingError or an *AmbiguousTemplateError.
func (c TemplateChoice) Choose(templates []ovirt.Template) (ovirt.Template, error) {
	if c.ID != "" {
		return c.withID(templates)
	}
	var versions []ovirt.Template
	for _, t := range templates {
		if t.Name == c.Name {
			versions = append(versions, t)
		}
	}
	slices.SortStableFunc(versions, func(a, b ovirt.Template) int { return b.Version - a.Version })
	if len(versions) == 0 {
		return ovirt.Template{}, &engine.MissingError{What: "VM template", Name: c.Name, Existing: templateNames(templates)}
	}
	if i := slices.IndexFunc(versions, func(t ovirt.Template) bool { return t.ID == c.Chosen }); i >= 0 && versions[i].Status != templateIllegal {
		return versions[i], nil
	}
	switch {
	case c.Version == infrav1.LatestVMTemplate, c.Version == "" && (len(versions) == 1 || allOurs(versions)):
		return versions[0], nil
	case c.Version == "":
		return ovirt.Template{}, &AmbiguousTemplateError{Name: c.Name, Versions: versions}
	}
	if i := slices.IndexFunc(versions, func(t ovirt.Template) bool { return strconv.Itoa(t.Version) == c.Version }); i >= 0 {
		return versions[i], nil
	}
	return ovirt.Template{}, &engine.MissingError{
		What: fmt.Sprintf("version of VM template %q", c.Name), Name: c.Version, Existing: versionNames(versions), Listed: versionTexts(versions),
	}
}

// MayChange says whether another one could be chosen later, when there are more versions.
func (c TemplateChoice) MayChange(templates []ovirt.Template) bool {
	versions := 0
	for _, t := range templates {
		if t.Name == c.Name {
			versions++
		}
	}
	return c.ID == "" && (c.Version == infrav1.LatestVMTemplate || c.Version == "" && versions > 1)
}

func (c TemplateChoice) withID(templates []ovirt.Template) (ovirt.Template, error) {
	ids, texts := []string{}, map[string]string{}
	for _, t := range templates {
		if t.ID == strings.ToLower(c.ID) {
			return t, nil
		}
		if t.ID != ovirt.BlankTemplateID {
			ids, texts[t.ID] = append(ids, t.ID), fmt.Sprintf("%s (%s version %d)", t.ID, t.Name, t.Version)
		}
	}
	return ovirt.Template{}, &engine.MissingError{What: "VM template with the id", Name: c.ID, Existing: ids, Listed: texts}
}

// templateNames leaves out the template that no node can be made from.
func templateNames(templates []ovirt.Template) []string {
	var names []string
	for _, t := range templates {
		if t.ID != ovirt.BlankTemplateID {
			names = append(names, t.Name)
		}
	}
	return names
}

func allOurs(versions []ovirt.Template) bool {
	return !slices.ContainsFunc(versions, func(t ovirt.Template) bool {
		_, ours := ParseImageMark(t.Comment)
		return !ours
	})
}

func versionNames(versions []ovirt.Template) []string {
	var names []string
	for _, t := range versions {
		names = append(names, strconv.Itoa(t.Version))
	}
	return names
}

// versionTexts show the versions with their own names.
func versionTexts(versions []ovirt.Template) map[string]string {
	texts := map[string]string{}
	for _, t := range versions {
		text := strconv.Itoa(t.Version)
		if t.VersionName != "" && t.VersionName != "base version" {
			text += " (" + t.VersionName + ")"
		}
		texts[strconv.Itoa(t.Version)] = text
	}
	return texts
}

// AmbiguousTemplateError is a name of which there are several versions, and nobody said which is meant.
type AmbiguousTemplateError struct {
	Name     string
	Versions []ovirt.Template
}

func (e *AmbiguousTemplateError) Error() string {
	var list []string
	texts := versionTexts(e.Versions)
	for _, name := range versionNames(e.Versions) {
		list = append(list, texts[name])
	}
	return fmt.Sprintf("VM template %q has the versions %s: choose one with vmTemplateVersion, a number or %s",
		e.Name, strings.Join(list, ", "), infrav1.LatestVMTemplate)
}
