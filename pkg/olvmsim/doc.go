// Package olvmsim simulates the engine of an Oracle Linux Virtualization Manager (oVirt) installation: its REST API
// (JSON), its single sign-on, its certificate authority, and VMs, disks and jobs that live through the engine's
// asynchronous life cycles. Tests start one with New; the program cmd/olvmsim serves everybody else.
//
// XML, image transfers, user permissions and fault injection are not simulated yet. Collections that are not
// simulated answer a GET like empty ones and refuse everything else with status 501.
package olvmsim
