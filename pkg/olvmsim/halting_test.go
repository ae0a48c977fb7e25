package olvmsim_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// halting is Guests that are asked to halt, in a network with another address of the engine.
type halting struct{ recorder }

func (h *halting) Shutdown(string) { h.note("shutdown") }

func (h *halting) ListenEngine(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.9:0") }

func TestAShutdownWaitsForTheGuest(t *testing.T) {
	guests := &halting{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	vm := c.addVM("n1", "")
	c.start(vm)
	booted := guests.boot(t, 1)
	c.must(http.StatusOK, http.MethodPost, vm+"/shutdown", "{}")
	guests.waitFor(t, "start n1", "shutdown")
	require.Equal(t, "powering_down", c.waitStatus(vm, "powering_down").text("status"))
	booted.Halted()
	c.waitStatus(vm, "down")
	guests.waitFor(t, "start n1", "shutdown", "stop")
	booted.Halted() // the power is gone: nothing happens
	require.Equal(t, "down", c.get(vm).text("status"))
}

func TestAGuestThatDiesTakesItsVMDown(t *testing.T) {
	guests := &halting{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	vm := c.addVM("n1", "")
	c.start(vm)
	first := guests.boot(t, 1)
	c.waitStatus(vm, "up")
	first.Halted()
	c.waitStatus(vm, "down")
	require.Contains(t, c.get("/events").raw, "VM n1 is down.")

	c.start(vm)
	guests.boot(t, 2)
	first.Halted()
	require.NotEqual(t, "down", c.get(vm).text("status"), "what an earlier run says is too late")
}

func TestAGuestSeesItsNICs(t *testing.T) {
	guests := &halting{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	vm := c.addVM("n1", "")
	mac := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`).text("mac.address")
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic2","linked":"false"}`)
	c.start(vm)
	booted := guests.boot(t, 1)
	require.Equal(t, []string{mac}, booted.MACs)
	require.Equal(t, []string{""}, booted.Networks, "it has no vNIC profile")
}

func TestAGuestIsToldTheNetworksOfItsNICs(t *testing.T) {
	contents := inventory.Default()
	contents.Networks = append(contents.Networks, inventory.Network{ID: "00000000-0000-4000-8000-00000000000a", Name: "storage"})
	contents.VNICProfiles = append(contents.VNICProfiles, inventory.VNICProfile{ID: "00000000-0000-4000-8000-00000000000b", Name: "storage"})
	guests := &halting{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests, Inventory: &contents}))
	vm := c.addVM("n1", "")
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic2","vnic_profile":{"id":"00000000-0000-4000-8000-00000000000b"}}`)
	c.start(vm)
	require.Equal(t, []string{"", "00000000-0000-4000-8000-00000000000a"}, guests.boot(t, 1).Networks)
}

func TestTheEngineAnswersInTheGuestsNetwork(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Guests: &halting{}})
	require.Regexp(t, `^https://127\.0\.0\.9:\d+/ovirt-engine$`, s.GuestURL())
	require.Empty(t, olvmsim.New(t).GuestURL())
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.CA()))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(s.GuestURL() + "/api")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}
