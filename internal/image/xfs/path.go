package xfs

import (
	"io/fs"
	"strings"
)

// maxLinks is how many symbolic links a path may have, as in the kernel.
const maxLinks = 40

// Lookup finds what a path from the root names, through symbolic links. What is not there is an fs.PathError with fs.ErrNotExist.
func (f *FileSystem) Lookup(path string) (*Inode, error) {
	missing := &fs.PathError{Op: "find", Path: path, Err: fs.ErrNotExist}
	root, err := f.inode(f.super.root)
	if err != nil {
		return nil, err
	}
	stack, rest, links := []*Inode{root}, strings.Split(path, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			stack = stack[:max(1, len(stack)-1)]
			continue
		}
		next, err := f.child(stack[len(stack)-1], name)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return nil, missing
		}
		if next.mode&modeType != modeSymlink {
			stack = append(stack, next)
			continue
		}
		target, err := f.readLink(next)
		if err != nil {
			return nil, err
		}
		if links++; links > maxLinks {
			return nil, next.corrupt("more than %d symbolic links lead to %s", maxLinks, path)
		}
		if strings.HasPrefix(target, "/") {
			stack = stack[:1]
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return stack[len(stack)-1], nil
}

// child finds a name in a directory; nil when it is not there.
func (f *FileSystem) child(dir *Inode, name string) (*Inode, error) {
	if !dir.Directory() {
		return nil, nil
	}
	entries, err := f.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name == name {
			return f.inode(e.Inode)
		}
	}
	return nil, nil
}

func (f *FileSystem) readLink(i *Inode) (string, error) {
	if i.format != formatLocal {
		return "", &UnsupportedError{What: i.name() + " is a symbolic link too long for its inode"}
	}
	if i.Size == 0 || i.Size > int64(len(i.fork)) {
		return "", i.corrupt("a symbolic link of %d bytes", i.Size)
	}
	return string(i.fork[:i.Size]), nil
}
