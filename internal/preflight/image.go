package preflight

import (
	"cmp"
	"fmt"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/machine"
)

// ignitionOS is the operating system type of templates whose image has Ignition, and not cloud-init.
const ignitionOS = "rhcos_x64"

// checkImage compares the template with the bootstrap data that its machines will read. What no mark tells of an image is believed.
func (s *survey) checkImage(p *place) {
	t, subject, format := p.template, p.group.templateKey(), cmp.Or(p.group.Format, boot.FormatIgnition)
	mark, marked := machine.ParseImageMark(t.Comment)
	switch {
	case marked && mark.BootFormat() != format:
		s.report(Template, subject, fmt.Sprintf("template %q holds an image that boots with %s, and the machines' bootstrap data is %s",
			t.Name, mark.BootFormat(), format), fmt.Sprintf("Name another template, or set format: %s for these machines.", mark.BootFormat()))
	case format == boot.FormatCloudConfig && t.OSType == ignitionOS:
		s.warn(Template, subject, fmt.Sprintf("template %q has the operating system type %s, which is for images with Ignition, "+
			"and the machines' bootstrap data is cloud-config", t.Name, ignitionOS),
			"Make sure that its image has cloud-init, and give it another operating system type in the engine, such as Linux.")
	}
	if format == boot.FormatIgnition { // other images boot with either firmware
		s.checkFirmware(p)
	}
}

func (s *survey) checkFirmware(p *place) {
	t, subject := p.template, p.group.templateKey()
	const uefi = "Edit the template in the engine: Chipset/Firmware Type: Q35 Chipset with UEFI (q35_ovmf)."
	switch t.BIOSType {
	case "q35_ovmf", "q35_secure_boot":
	case "", "cluster_default":
		s.warn(Template, subject, fmt.Sprintf("template %q has its cluster's firmware, and nodes boot with UEFI only", t.Name), uefi)
	default:
		s.report(Template, subject, fmt.Sprintf("template %q has the firmware %s, and nodes boot with UEFI only", t.Name, t.BIOSType), uefi)
	}
}
