package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// Lengths that OLVMMachine repeats.
const (
	maxDescription = 255
	maxQuotaName   = 65
	maxTags        = 32
	maxTagName     = 40
)

// vmTemplate wants a name or an id.
func (v *validator) vmTemplate(key string, m Machine) {
	switch {
	case m.VMTemplateID == "":
		if v.required(key+".vmTemplateName", m.VMTemplateName, "the name of the VM template that was made from the OCK image") {
			v.atMost(key+".vmTemplateName", m.VMTemplateName, maxTemplateName)
		}
	case m.VMTemplateName != "":
		v.report(key+".vmTemplateID", "takes the place of vmTemplateName: write one of them, and \"\" for the other where it is inherited")
	case uuid.Validate(m.VMTemplateID) != nil || len(m.VMTemplateID) != len(uuid.Nil.String()):
		v.report(key+".vmTemplateID", "%q is not an id of the engine: write one such as 1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11", m.VMTemplateID)
	}
	switch {
	case m.VMTemplateVersion == "":
	case m.VMTemplateID != "":
		v.report(key+".vmTemplateVersion", "needs vmTemplateName: an id names one version")
	case m.VMTemplateVersion != infrav1.LatestVMTemplate:
		if n, err := strconv.ParseUint(m.VMTemplateVersion, 10, 31); err != nil || n == 0 {
			v.report(key+".vmTemplateVersion", "%q is not a version: write a number from 1 on, or %s", m.VMTemplateVersion, infrav1.LatestVMTemplate)
		}
	}
}

func (v *validator) tags(key string, tags []string) {
	if len(tags) > maxTags {
		v.report(key, "are %d: write at most %d", len(tags), maxTags)
	}
	name := regexp.MustCompile(`^[\p{L}\p{N}_.-]+$`) // what the administration portal takes, and searches can name
	for i, tag := range tags {
		switch {
		case !name.MatchString(tag):
			v.report(key, "%q cannot be a tag of the engine: write letters, digits, '_', '.' and '-'", tag)
		case slices.Contains(tags[:i], tag):
			v.report(key, "%q is there twice", tag)
		}
		v.atMost(key, tag, maxTagName)
	}
}

// vmShape checks what is said of a VM beside its network, its processors and its disks.
func (v *validator) vmShape(key string, vm infrav1.VirtualMachine) {
	if _, err := vm.MemorySizes(); err != nil {
		field := "memory"
		if wrong := (*infrav1.FieldError)(nil); errors.As(err, &wrong) {
			field, err = wrong.Field, wrong.Err
		}
		v.report(key+"."+field, "%v", err)
	}
	v.oneOf(key+".type", string(vm.Type), infrav1.ServerVM, infrav1.DesktopVM, infrav1.HighPerformanceVM)
	v.oneOf(key+".console.graphics", vm.Console.Graphics, infrav1.VNCGraphics, infrav1.SPICEGraphics, infrav1.NoGraphics)
	v.atMost(key+".description", vm.Description, maxDescription)
	v.atMost(key+".quotaName", vm.QuotaName, maxQuotaName)
	if ha := vm.HighAvailability; ha != nil {
		if ha.Priority < 0 || ha.Priority > 100 {
			v.report(key+".highAvailability.priority", "is %d: write 1 (low), 50 or 100 (high), or 0 for low", ha.Priority)
		}
		v.atMost(key+".highAvailability.leaseStorageDomainName", ha.LeaseStorageDomainName, maxStorageDomain)
	}
}

// oneOf reports a value that is neither empty nor known.
func (v *validator) oneOf(key, value string, known ...any) {
	var words []string
	for _, k := range known {
		words = append(words, fmt.Sprint(k))
	}
	if value != "" && !slices.Contains(words, value) {
		v.report(key, "%q is not known: write %s or %s", value, strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
	}
}
