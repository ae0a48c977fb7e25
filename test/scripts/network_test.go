package scripts

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// listen accepts connections at an address until the script ends.
func listen(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: listen ADDRESS:PORT")
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	worldOf(ts).t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return nil
}

// startWebServer serves a page of its own, or a redirect, for every request.
func startWebServer(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: webserver STATUS")
	}
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status/100 == 3 {
			w.Header().Set("Location", "https://portal.example.com/welcome")
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body>Welcome to our intranet</body></html>"))
	}))
	worldOf(ts).t.Cleanup(server.Close)
	name := ts.MkAbs("web-ca.pem")
	ts.Setenv("WEB_URL", server.URL+"/ovirt-engine")
	ts.Setenv("WEB_CA", name)
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600)
}
