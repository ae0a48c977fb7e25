package cluster

import infrav1 "github.com/ocne-project/ocne/api/v1"

// vmTemplateOf names the VM template of machines: its name, with the version where one is chosen, or its id.
func vmTemplateOf(spec infrav1.OLVMMachineSpec) string {
	switch {
	case spec.VMTemplateID != "":
		return spec.VMTemplateID
	case spec.VMTemplateVersion != "":
		return spec.VMTemplateName + " version " + spec.VMTemplateVersion
	}
	return spec.VMTemplateName
}

// nameTemplate lets machines be made from another VM template. Ids and numbers of versions are of the former one.
func nameTemplate(spec *infrav1.OLVMMachineSpec, name string) {
	if spec.VMTemplateName != name && spec.VMTemplateVersion != infrav1.LatestVMTemplate {
		spec.VMTemplateVersion = ""
	}
	spec.VMTemplateName, spec.VMTemplateID = name, ""
}
