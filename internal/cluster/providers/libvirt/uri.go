package libvirt

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// DefaultURI is the connection that is used when none is configured: that of the user, which needs no rights.
const DefaultURI = "qemu:///session"

// endpoint is where a libvirt daemon listens.
type endpoint struct {
	uri string // as the user wrote it
	// driver is the URI that is opened at the daemon.
	driver string
	// session says that it is the user's own daemon, which has no right to make networks.
	session bool
	// sockets to try, in this order.
	sockets []string
}

// parseURI finds the daemon of a connection URI (https://libvirt.org/uri.html). getenv reads the environment.
func parseURI(uri string, getenv func(string) string) (endpoint, error) {
	if uri == "" {
		uri = DefaultURI
	}
	refuse := func(format string, args ...any) (endpoint, error) {
		return endpoint{}, &Error{
			Op: "connect to", Object: uri, Err: fmt.Errorf("%w: "+format, append([]any{ErrUnsupportedURI}, args...)...),
			Remedy: "Write qemu:///system for the machine's own libvirt daemon, or qemu:///session for that of your user, in providers.libvirt.uri.",
		}
	}
	if !strings.Contains(uri, ":") {
		return refuse("it has no scheme, and other machines than this one cannot be used yet")
	}
	u, err := url.Parse(uri)
	if err != nil {
		return refuse("it cannot be read")
	}
	switch {
	case u.Scheme != "qemu" && u.Scheme != "qemu+unix":
		return refuse("its scheme is %s: only qemu on this machine can be used", u.Scheme)
	case u.Host != "" || u.User != nil:
		return refuse("it names the host %s: only this machine can be used", u.Host)
	case u.Path != "/system" && u.Path != "/session":
		return refuse("its path is %q: it must be /system or /session", u.Path)
	}
	e := endpoint{uri: uri, driver: "qemu://" + u.Path, session: u.Path == "/session"}
	if socket := u.Query().Get("socket"); socket != "" {
		e.sockets = []string{socket}
		return e, nil
	}
	directory := "/var/run/libvirt"
	if e.session {
		directory = sessionDirectory(getenv)
	}
	// The second is the QEMU daemon of installations with one daemon for each driver; it passes on what is for the others.
	e.sockets = []string{filepath.Join(directory, "libvirt-sock"), filepath.Join(directory, "virtqemud-sock")}
	return e, nil
}

func sessionDirectory(getenv func(string) string) string {
	if runtime := getenv("XDG_RUNTIME_DIR"); runtime != "" {
		return filepath.Join(runtime, "libvirt")
	}
	if cache := getenv("XDG_CACHE_HOME"); cache != "" {
		return filepath.Join(cache, "libvirt")
	}
	return filepath.Join(getenv("HOME"), ".cache", "libvirt")
}

// poolDirectory is where libvirt's own tools keep disks by default.
func (e endpoint) poolDirectory(getenv func(string) string) string {
	if !e.session {
		return "/var/lib/libvirt/images"
	}
	if data := getenv("XDG_DATA_HOME"); data != "" {
		return filepath.Join(data, "libvirt", "images")
	}
	return filepath.Join(getenv("HOME"), ".local", "share", "libvirt", "images")
}
