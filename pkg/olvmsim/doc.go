// Package olvmsim simulates the engine of an Oracle Linux Virtualization Manager (oVirt) installation: its REST API
// (JSON), its single sign-on, its certificate authority, and VMs, disks and jobs that live through the engine's
// asynchronous life cycles. Tests start one with New; the program cmd/olvmsim serves everybody else.
//
// Users beside the built-in administrator come from the inventory, with roles on objects: their commands need permits, and
// what they see is filtered, as in the engine.
//
// XML, image transfers and injected faults are not simulated yet. Collections that are not simulated answer a GET like
// empty ones and refuse everything else with status 501.
package olvmsim
