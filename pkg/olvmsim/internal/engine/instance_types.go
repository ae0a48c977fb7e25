package engine

// InstanceType is a named size. Memory is in bytes.
type InstanceType struct {
	ID, Name, Description string
	Memory, Sockets       int64
}

// InstanceTypes lists the instance types that every engine has.
func (e *Engine) InstanceTypes() []InstanceType {
	size := func(name string, memory, sockets int64) InstanceType {
		return InstanceType{
			ID: stableID("", "instancetype", name), Name: name, Description: name + " instance type", Memory: memory, Sockets: sockets,
		}
	}
	return []InstanceType{
		size("Large", 8*gib, 2), size("Medium", 4*gib, 2), size("Small", 2*gib, 1), size("Tiny", gib/2, 1), size("XLarge", 16*gib, 4),
	}
}
