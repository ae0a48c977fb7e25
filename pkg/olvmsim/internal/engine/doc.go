// Package engine is the state of a simulated oVirt engine: its objects, the commands that change them, the refusals in
// the engine's order and words, and the asynchronous life cycles on a clock that can run faster than real time.
// It knows nothing of HTTP or of representations.
package engine
