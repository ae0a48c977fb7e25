// Package machine decides what a machine needs next and does it, one idempotent step at a time: Observe reads the engine, Next is a
// pure function from what is wanted and what was seen to one action and the conditions to show, Act makes that one change.
package machine
