package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
)

// connectThrough asks an HTTP proxy at the other end of the connection to lead it on to an address. Whoever is reached must not speak
// first: what it said could be read along with the proxy's answer.
func connectThrough(connection net.Conn, address string) error {
	if _, err := fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		_ = connection.Close()
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(connection, 1), nil)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("connect to %s: %s", address, answer.Status)
	}
	if err != nil {
		_ = connection.Close()
	}
	return err
}
