package start

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// notifyReady tells systemd that the service is ready, if it is systemd that has started it: sd_notify(3).
func notifyReady(ctx context.Context, getenv func(string) string) error {
	socket := getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	if strings.HasPrefix(socket, "@") { // an abstract socket
		socket = "\x00" + socket[1:]
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unixgram", socket)
	if err != nil {
		return fmt.Errorf("tell systemd that the management cluster is ready: %w", err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := connection.Write([]byte("READY=1")); err != nil {
		return fmt.Errorf("tell systemd that the management cluster is ready: %w", err)
	}
	return nil
}
