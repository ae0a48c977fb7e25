package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// A template that ocne made, or whose mark says what it holds, is compared with the format; any other is believed.
func TestTheTemplatesImageReadsTheBootstrapData(t *testing.T) {
	ours, cloud := machine.ImageMark{Digest: "d"}.Text(), machine.ImageMark{Digest: "d", Format: "cloud-config"}.Text()
	for name, test := range map[string]struct {
		format, comment, os, bios string
		severity                  Severity
		want                      string
	}{
		"Ignition":                             {"ignition", ours, "rhcos_x64", "q35_ovmf", "", ""},
		"no format is Ignition":                {"", ours, "rhcos_x64", "q35_ovmf", "", ""},
		"Ignition for cloud-config":            {"cloud-config", ours, "rhcos_x64", "q35_ovmf", Error, "bootstrap data is cloud-config"},
		"cloud-config for Ignition":            {"ignition", cloud, "other_linux", "q35_ovmf", Error, "bootstrap data is ignition"},
		"somebody's, with cloud-config":        {"cloud-config", "", "debian_7", "q35_sea_bios", "", ""},
		"somebody's, with Ignition's OS type":  {"cloud-config", "a comment", "rhcos_x64", "q35_ovmf", Warning, "is for images with Ignition"},
		"somebody's, with Ignition and a BIOS": {"ignition", "", "rhcos_x64", "q35_sea_bios", Error, "nodes boot with UEFI only"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &survey{}
			s.checkImage(&place{
				group:    Group{Path: "workerMachine.", Format: test.format},
				template: &ovirt.Template{Name: "t", Comment: test.comment, OSType: test.os, BIOSType: test.bios},
			})
			if test.want == "" {
				require.Empty(t, s.findings)
				return
			}
			require.Len(t, s.findings, 1)
			require.Equal(t, test.severity, s.findings[0].Severity)
			require.Equal(t, "workerMachine.vmTemplateName", s.findings[0].Subject)
			require.Contains(t, s.findings[0].Cause, test.want)
		})
	}
}
