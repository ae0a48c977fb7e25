package search

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSearchGrammar(t *testing.T) {
	vm := Fields{
		"name": {"web-1"}, "status": {"powering_up"}, "comment": {`{"machine":"a"}`}, "description": {"front end"},
		"tag": {"blue", "green"}, "cluster": {"Default"}, "host": {},
	}
	for text, want := range map[string]bool{
		``:                                      true,
		`   `:                                   true,
		`page 3`:                                true,
		`name=web-1`:                            true,
		`name = web-1`:                          true,
		`NAME="web-1"`:                          true,
		`name=web`:                              false,
		`name=web*`:                             true,
		`name=*1`:                               true,
		`name=*e*-*`:                            true,
		`name="w*x"`:                            false,
		`name=WEB-1`:                            false,
		`status=Powering_Up`:                    true,
		`status!=down`:                          true,
		`name!=web-1`:                           false,
		`tag=green`:                             true,
		`tag!=green`:                            false,
		`host=*`:                                false,
		`host!=host1`:                           true,
		`name=x or name=web-1`:                  true,
		`name=x and name=web-1`:                 false,
		`name=web-1 AND cluster=Default`:        true,
		`name=x and cluster=x or tag=blue`:      true,
		`tag=blue or name=x and cluster=x`:      true,
		`comment="{*machine*}"`:                 true,
		`description="front end"`:               true,
		`front`:                                 true,
		`back`:                                  false,
		`"front end" and name=web-1`:            true,
		`name=web-1 page 1`:                     true,
		`status="powering_up" and name="web-1"`: true,
	} {
		t.Run(text, func(t *testing.T) {
			q, err := Parse(text, false)
			require.NoError(t, err)
			got, err := q.Match(vm)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestSearchComparesNumbersBySizeAndWordsInAnyCase(t *testing.T) {
	o := Fields{"memory": {"1024"}, "name": {"Web"}, "none": {}}
	for text, want := range map[string]bool{
		"memory>999": true, "memory<999": false, "memory>=1024": true, "memory<=1024": true, "memory>1024": false, "memory<1e4": true,
		"name>vim": true, "name<x": true, "name>=web": true, "none<5": false, "memory>5 and memory<6": false,
	} {
		q, err := Parse(text, false)
		require.NoError(t, err)
		got, err := q.Match(o)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
}

func TestSearchSaysHowTheAnswerIsOrdered(t *testing.T) {
	for text, want := range map[string]string{
		"name=a* SORTBY Name": `name = "a*" sortby name asc`, "sortby name desc page 3": "sortby name desc page 3",
		`a or b and c>=1`: `"a" or "b" and c >= "1"`,
	} {
		q, err := Parse(text, false)
		require.NoError(t, err)
		require.Equal(t, want, q.String())
	}
}

func TestSearchForOneValue(t *testing.T) {
	for text, want := range map[string]string{"a=x and b=y": "x", "a=x or b=y": "", "a=x*": "", "b=x": "", "a!=x": ""} {
		q, err := Parse(text, false)
		require.NoError(t, err)
		got, ok := q.Exact("a")
		require.Equal(t, want, got, text)
		require.Equal(t, want != "", ok, text)
	}
}

func TestSearchIgnoresCaseOnDemand(t *testing.T) {
	q, err := Parse("name=WEB-1", true)
	require.NoError(t, err)
	got, err := q.Match(Fields{"name": {"web-1"}})
	require.NoError(t, err)
	require.True(t, got)
}

func TestSearchPage(t *testing.T) {
	q, err := Parse("name=a* PAGE 7", false)
	require.NoError(t, err)
	require.Equal(t, 7, q.Page)
	q, err = Parse("name=page", false)
	require.NoError(t, err)
	require.Zero(t, q.Page)
}

func TestSearchRefusesWhatItDoesNotSpeak(t *testing.T) {
	for _, text := range []string{
		`name=`, `=x`, `name="x`, `name=x and`, `or name=x`, `name=x name=y`, `page 0`, `page x`, `"name"=x`, `name==x`, `name<>x`,
		`name=x sortby`, `sortby "name"`, `page 1 sortby name`, `memory>`,
	} {
		_, err := Parse(text, false)
		require.Error(t, err, text)
	}
	q, err := Parse("colour=blue", false)
	require.NoError(t, err)
	_, err = q.Match(Fields{"name": {"x"}})
	require.ErrorContains(t, err, `unknown field "colour"`)
}
