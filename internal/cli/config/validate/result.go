package validate

import (
	"errors"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/preflight"
)

// result is what programs get.
type result struct {
	Valid    bool      `json:"valid"`
	Problems []problem `json:"problems"`
	Warnings []warning `json:"warnings"`
	// Findings are the engine's, errors and warnings; absent unless the engine was asked.
	Findings []preflight.Finding `json:"findings,omitempty"`
}

// problem is one thing that is wrong; file and line are known for keys and types, not for values that do not fit together.
type problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty"`
	Message string `json:"message"`
}

type warning struct {
	Keys    []string `json:"keys"`
	Message string   `json:"message"`
}

func newResult(warnings []config.Warning, findings []preflight.Finding, err error) result {
	r := result{Valid: err == nil, Problems: problemsOf(err), Warnings: []warning{}, Findings: findings}
	for _, w := range warnings {
		if w.Keys == nil {
			w.Keys = []string{}
		}
		r.Warnings = append(r.Warnings, warning(w))
	}
	return r
}

func problemsOf(err error) []problem {
	problems := []problem{}
	var syntax *config.SyntaxError
	var invalid *config.ValidationError
	var engine *cluster.PreflightError
	switch {
	case err == nil, errors.As(err, &engine): // what the engine lacks is among the findings
	case errors.As(err, &syntax):
		for _, p := range syntax.Problems {
			problems = append(problems, problem(p))
		}
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			problems = append(problems, problem{Key: p.Key, Message: p.Message})
		}
	default:
		problems = append(problems, problem{Message: err.Error()})
	}
	return problems
}
