// Package imageio is a client for the data plane of an engine's image transfers: ovirt-imageio on the hosts, and its proxy on the
// engine's machine. It speaks HTTP/1.1 over TLS; a URL with a ticket is all that a server asks for, so URLs are kept out of errors.
//
// What holds for every call:
//   - an error is an *Error, whose Kind says what a caller can do about it; errors.Is(err, imageio.Interrupted) reads it;
//   - after Interrupted the server may have lost all that it was sent on that connection since the last flush;
//   - calls of an Image may run at the same time, those of a Conn one after the other.
package imageio
