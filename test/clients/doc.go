// Package clients holds the tests that let other people's clients judge the simulated engine: the official Go SDK, which speaks XML,
// and the live test suite of go-ovirt-client. They stand in a module of their own, so that nothing else depends on those clients.
package clients
