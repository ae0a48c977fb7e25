package upload

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// bits is what spans mean, one byte after the other.
func (s spans) bits(n int64) []bool {
	out := make([]bool, n)
	for _, each := range s {
		for at := each.Start; at < each.End; at++ {
			out[at] = true
		}
	}
	return out
}

func TestSpansAreSetsOfBytes(t *testing.T) {
	const size = 60
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 2))
		some := func() (out spans, bits []bool) {
			bits = make([]bool, size)
			for range random.IntN(8) {
				start := random.Int64N(size)
				end := start + random.Int64N(min(12, size-start)+1)
				out = out.with(span{start, end})
				for at := start; at < end; at++ {
					bits[at] = true
				}
			}
			return out, bits
		}
		a, inA := some()
		b, inB := some()
		require.True(t, a.inOrder())
		require.Equal(t, inA, a.bits(size))
		both, only, total := make([]bool, size), make([]bool, size), int64(0)
		for n := range both {
			both[n], only[n] = inA[n] && inB[n], inA[n] && !inB[n]
			if inA[n] {
				total++
			}
		}
		require.Equal(t, total, a.total())
		require.Equal(t, both, a.overlap(b).bits(size), "%v and %v", a, b)
		require.Equal(t, only, a.without(b).bits(size), "%v without %v", a, b)
		window := span{random.Int64N(30), 30 + random.Int64N(30)}
		require.Equal(t, a.overlap(spans{window}).bits(size), a.inside(window).bits(size))

		var pieces spans
		for chunk := range a.chunks(7) {
			require.LessOrEqual(t, chunk.length(), int64(7))
			require.Equal(t, chunk.Start/7, (chunk.End-1)/7, "no chunk crosses a multiple")
			pieces = append(pieces, chunk)
		}
		require.True(t, slices.IsSortedFunc(pieces, func(x, y span) int { return compare(x.Start, y.Start) }))
		require.Equal(t, total, pieces.total())
		require.Equal(t, inA, pieces.bits(size))
	}
}

func TestRoomOnBlockStorageIsThatOfTheClusters(t *testing.T) {
	s := source{format: "raw", size: 1 << 30, data: spans{{65535, 65537}, {10 << 20, 20 << 20}}}
	require.Equal(t, int64(2*65536+10<<20+(1<<30)/65536*10+2<<20), s.initialSize())
	require.Equal(t, int64(1<<30), source{format: "cow", size: 1 << 30}.initialSize())
}
