// Package registry starts the registry of the distribution project, as it is used in production: over TLS, with passwords, on a port of this
// machine. Tests let it serve images that are made of boot disks. It is a module of its own, because nothing else needs that registry's
// libraries.
package registry
