// Package bootimage boots an image as an OLVM engine boots it: firmware, boot loader, kernel and Ignition are real, in QEMU without the help of
// the processor. It needs the image that make boot-image makes: make e2e.
package bootimage
