package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpansAreMergedAndCountedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		add  Spans
		want Spans
	}{
		"empty spans are none":        {Spans{{5, 5}, {7, 6}}, nil},
		"apart":                       {Spans{{10, 20}, {30, 40}, {0, 5}}, Spans{{0, 5}, {10, 20}, {30, 40}}},
		"touching":                    {Spans{{10, 20}, {20, 30}, {5, 10}}, Spans{{5, 30}}},
		"overlapping":                 {Spans{{10, 20}, {15, 25}, {5, 11}}, Spans{{5, 25}}},
		"the same again":              {Spans{{10, 20}, {10, 20}, {12, 14}}, Spans{{10, 20}}},
		"one that swallows others":    {Spans{{10, 20}, {30, 40}, {50, 60}, {15, 55}}, Spans{{10, 60}}},
		"one that fills a gap":        {Spans{{0, 10}, {20, 30}, {10, 20}}, Spans{{0, 30}}},
		"two writers, taking turns":   {Spans{{0, 1}, {100, 101}, {1, 2}, {101, 102}}, Spans{{0, 2}, {100, 102}}},
		"the one before it is longer": {Spans{{0, 100}, {50, 60}, {200, 300}}, Spans{{0, 100}, {200, 300}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Spans
			for _, s := range test.add {
				got.Add(s.Start, s.End)
			}
			require.Equal(t, test.want, got)
			total := int64(0)
			for _, s := range test.want {
				total += s.End - s.Start
			}
			require.Equal(t, total, got.Total())
		})
	}
}
