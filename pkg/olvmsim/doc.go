// Package olvmsim simulates the engine of an Oracle Linux Virtualization Manager (oVirt) installation: its REST API
// (XML and JSON), its single sign-on, its certificate authority, its image transfers with their data plane, and VMs, disks and jobs that live through the engine's
// asynchronous life cycles. Tests start one with New; the program cmd/olvmsim serves everybody else.
//
// Users beside the built-in administrator come from the inventory, with roles on objects: their commands need permits, and
// what they see is filtered, as in the engine.
//
// What goes wrong is injected by Simulator.Inject, a Scenario or the control endpoint; time is turned by a Clock; the journal
// says what every call changed and can be replayed. Collections that are not simulated answer a GET like
// empty ones and refuse everything else with status 501.
package olvmsim
