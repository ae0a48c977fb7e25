package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestAnotherVMTemplateTakesThePlaceOfAllThatNamedTheFormerOne(t *testing.T) {
	for name, test := range map[string]struct {
		spec infrav1.OLVMMachineSpec
		now  string
	}{
		"a name":                    {infrav1.OLVMMachineSpec{VMTemplateName: "ock"}, "ock-2"},
		"an id":                     {infrav1.OLVMMachineSpec{VMTemplateID: "x"}, "ock-2"},
		"a version of another name": {infrav1.OLVMMachineSpec{VMTemplateName: "ock", VMTemplateVersion: "3"}, "ock-2"},
		"the newest version":        {infrav1.OLVMMachineSpec{VMTemplateName: "ock", VMTemplateVersion: "latest"}, "ock-2 version latest"},
		"a version of the same":     {infrav1.OLVMMachineSpec{VMTemplateName: "ock-2", VMTemplateVersion: "3"}, "ock-2 version 3"},
	} {
		t.Run(name, func(t *testing.T) {
			nameTemplate(&test.spec, "ock-2")
			require.Equal(t, test.now, vmTemplateOf(test.spec))
		})
	}
	require.Equal(t, "x", vmTemplateOf(infrav1.OLVMMachineSpec{VMTemplateID: "x"}))
}
