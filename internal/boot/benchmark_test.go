package boot_test

import (
	"testing"

	"github.com/ocne-project/ocne/internal/boot"
)

// The translation of the bootstrap data dominates; it is done once per machine.
func BenchmarkDocument(b *testing.B) {
	in := input(b, "init.json")
	for b.Loop() {
		if _, err := boot.Document(in); err != nil {
			b.Fatal(err)
		}
	}
}
