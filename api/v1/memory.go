package v1

import (
	"cmp"
	"fmt"
)

// LatestVMTemplate is the vmTemplateVersion that stands for the newest one.
const LatestVMTemplate = "latest"

// Values of Console.Graphics.
const (
	VNCGraphics   = "vnc"
	SPICEGraphics = "spice"
	NoGraphics    = "none"
)

// FieldError says what is wrong with a field of a VirtualMachine.
//
// +kubebuilder:object:generate=false
type FieldError struct {
	Field string // its name in JSON
	Err   error
}

func (e *FieldError) Error() string { return "virtualMachine." + e.Field + " " + e.Err.Error() }

func (e *FieldError) Unwrap() error { return e.Err }

// MemorySizes are the sizes of a VM's memory in bytes: Guaranteed <= Memory <= Max.
//
// +kubebuilder:object:generate=false
type MemorySizes struct{ Guaranteed, Memory, Max int64 }

// MemorySizes reads memory, guaranteedMemory and maxMemory; the latter two are memory when they are empty. The error is a *FieldError: the
// rules of the CRD know no units, so what does not fit together is found here.
func (vm VirtualMachine) MemorySizes() (MemorySizes, error) {
	var sizes MemorySizes
	for _, size := range []struct {
		field, text string
		bytes       *int64
	}{
		{"memory", vm.Memory, &sizes.Memory},
		{"guaranteedMemory", cmp.Or(vm.GuaranteedMemory, vm.Memory), &sizes.Guaranteed},
		{"maxMemory", cmp.Or(vm.MaxMemory, vm.Memory), &sizes.Max},
	} {
		var err error
		if *size.bytes, err = ParseSize(size.text); err != nil {
			return MemorySizes{}, &FieldError{size.field, err}
		}
	}
	if sizes.Guaranteed > sizes.Memory {
		return MemorySizes{}, &FieldError{"guaranteedMemory",
			fmt.Errorf("%s is more than memory, %s: a host cannot reserve what the VM does not have", vm.GuaranteedMemory, vm.Memory)}
	}
	if sizes.Max < sizes.Memory {
		return MemorySizes{}, &FieldError{"maxMemory", fmt.Errorf("%s is less than memory, %s, which it bounds", vm.MaxMemory, vm.Memory)}
	}
	return sizes, nil
}
