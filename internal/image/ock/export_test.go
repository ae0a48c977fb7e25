package ock

// InodeOffset is where the inode of the loader's entry is on the disk that was changed, in bytes.
func (c *Conversion) InodeOffset() int64 { return c.patches[1].Offset }
