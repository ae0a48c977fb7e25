// Package imageio is the data plane of image transfers as ovirt-imageio has it: an HTTPS service with one resource per
// ticket, on the host's address and on the proxy's. The bytes of disks are sparse files. It knows no phases and no
// commands: package engine grants and revokes the tickets.
package imageio
