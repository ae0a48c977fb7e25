// Package onlibvirt lives the lives of clusters on a real libvirt host. Their nodes are real, too, and emulated, so it takes long: make e2e-libvirt.
package onlibvirt
