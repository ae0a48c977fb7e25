package search_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// What is printed of a search is the same search.
func FuzzParseSearch(f *testing.F) {
	for _, text := range []string{
		"", "name=x", `name="x y" and status!=down or tag = a*`, "memory>=1024 sortby name desc page 2", "free text", `"quoted"`, "page 3",
		"sortby page page 2", "and=or", "! = x", "a<b and c>d", "sortby desc desc",
	} {
		f.Add(text, true)
	}
	fields := search.Fields{"name": {"x", "y"}, "status": {"up"}, "memory": {"1024"}}
	f.Fuzz(func(t *testing.T, text string, fold bool) {
		q, err := search.Parse(text, fold)
		if err != nil {
			return
		}
		again, err := search.Parse(q.String(), fold)
		require.NoError(t, err, q.String())
		require.Equal(t, q, again)
		matches, err := q.Match(fields)
		matchesAgain, errAgain := again.Match(fields)
		require.Equal(t, matches, matchesAgain)
		require.Equal(t, err, errAgain)
	})
}
