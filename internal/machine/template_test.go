package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestWhichTemplateAVMIsMadeFrom(t *testing.T) {
	image := ImageMark{Digest: "sha256:00"}.Text()
	existing := []ovirt.Template{
		{ID: ovirt.BlankTemplateID, Name: "Blank", Version: 1},
		{ID: "a1", Name: "alone", Version: 1},
		{ID: "m1", Name: "many", Version: 1, VersionName: "base version"}, {ID: "m3", Name: "many", Version: 3, VersionName: "hardened"},
		{ID: "m2", Name: "many", Version: 2},
		{ID: "o1", Name: "ours", Version: 1, Comment: image}, {ID: "o2", Name: "ours", Version: 2, Comment: image},
		{ID: "x1", Name: "mixed", Version: 1, Comment: image}, {ID: "x2", Name: "mixed", Version: 2},
		{ID: "b1", Name: "broken", Version: 1, Status: "illegal"}, {ID: "b2", Name: "broken", Version: 2},
	}
	for _, tc := range []struct {
		name   string
		choice TemplateChoice
		id     string
		says   string
	}{
		{"the one of the name", TemplateChoice{Name: "alone"}, "a1", ""},
		{"a number", TemplateChoice{Name: "many", Version: "2"}, "m2", ""},
		{"the newest", TemplateChoice{Name: "many", Version: "latest"}, "m3", ""},
		{"an id", TemplateChoice{ID: "M2"}, "m2", ""},
		{"versions that ocne made: each upload is one, and the newest is meant", TemplateChoice{Name: "ours"}, "o2", ""},
		{"what was chosen stays", TemplateChoice{Name: "many", Version: "latest", Chosen: "m1"}, "m1", ""},
		{"... but not when it is gone", TemplateChoice{Name: "many", Version: "latest", Chosen: "m0"}, "m3", ""},
		{"... or broken", TemplateChoice{Name: "broken", Version: "latest", Chosen: "b1"}, "b2", ""},
		{"... or of another name", TemplateChoice{Name: "alone", Chosen: "m1"}, "a1", ""},
		{"several versions", TemplateChoice{Name: "many"}, "",
			`VM template "many" has the versions 3 (hardened), 2, 1: choose one with vmTemplateVersion, a number or latest`},
		{"several versions of which somebody else made one", TemplateChoice{Name: "mixed"}, "",
			`VM template "mixed" has the versions 2, 1: choose one with vmTemplateVersion, a number or latest`},
		{"a number that there is not", TemplateChoice{Name: "many", Version: "7"}, "",
			`the engine has, or shows, no version of VM template "many" "7"; there are 1, 2, 3 (hardened)`},
		{"a name that there is not", TemplateChoice{Name: "alune"}, "",
			`the engine has, or shows, no VM template "alune"; there are alone, many, ours, broken, mixed`},
		{"an id that there is not", TemplateChoice{ID: "m9"}, "",
			`the engine has, or shows, no VM template with the id "m9"; there are m1 (many version 1), m2 (many version 2), ` +
				`m3 (many version 3), a1 (alone version 1), b1 (broken version 1), b2 (broken version 2), o1 (ours version 1), o2 (ours version 2), ` +
				`x1 (mixed version 1), x2 (mixed version 2)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.choice.Choose(existing)
			require.Equal(t, tc.id, got.ID)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tc.says)
		})
	}
}
