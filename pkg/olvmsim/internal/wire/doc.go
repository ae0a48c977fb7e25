// Package wire reads and writes the representations of the engine's API in both of its formats from one set of Go structs.
//
// A struct describes an object by its json tags alone. In JSON integers and booleans are strings and dates are numbers. In XML
// a field is an element, except that id, href and rel are attributes, a slice is a repeated element, and dates are text. What
// the engine's model does not have is refused in requests, as the engine does.
package wire
