package search

import (
	"fmt"
	"strings"
)

type token struct {
	text string
	// bare is false for a quoted value, which is never a word of the language.
	bare bool
	op   bool
}

func scan(text string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("quote is not closed in %q", text)
			}
			tokens = append(tokens, token{text: text[i+1 : i+1+end]})
			i += end + 2
		case strings.HasPrefix(text[i:], "!="), strings.HasPrefix(text[i:], "<="), strings.HasPrefix(text[i:], ">="):
			tokens = append(tokens, token{text: text[i : i+2], op: true})
			i += 2
		case c == '=' || c == '<' || c == '>':
			tokens = append(tokens, token{text: text[i : i+1], op: true})
			i++
		default:
			end := strings.IndexAny(text[i+1:], " \t\n\"=!<>")
			if end < 0 {
				end = len(text) - i - 1
			}
			tokens = append(tokens, token{text: text[i : i+1+end], bare: true})
			i += end + 1
		}
	}
	return tokens, nil
}

type parser struct {
	tokens []token
	pos    int
}

func (p *parser) peek() token {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos]
	}
	return token{}
}

func (p *parser) take() token {
	t := p.peek()
	p.pos++
	return t
}

// word takes the next token if it is that word of the language, and not the field of a condition.
func (p *parser) word(w string) bool {
	t := p.peek()
	isField := p.pos+1 < len(p.tokens) && p.tokens[p.pos+1].op
	if !t.bare || isField || !strings.EqualFold(t.text, w) {
		return false
	}
	p.pos++
	return true
}

// atEnd says whether what follows is how to show the answer.
func (p *parser) atEnd() bool {
	mark := p.pos
	found := p.word("sortby") || p.word("page")
	p.pos = mark
	return found
}

func (p *parser) alternatives() ([][]condition, error) {
	if p.pos >= len(p.tokens) || p.atEnd() {
		return nil, nil
	}
	var out [][]condition
	for {
		all, err := p.conjunction()
		if err != nil {
			return nil, err
		}
		out = append(out, all)
		if !p.word("or") {
			return out, nil
		}
	}
}

func (p *parser) conjunction() ([]condition, error) {
	var out []condition
	for {
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if !p.word("and") {
			return out, nil
		}
	}
}

func (p *parser) condition() (condition, error) {
	first := p.take()
	if first.op || first == (token{}) {
		return condition{}, fmt.Errorf("a condition is missing")
	}
	if !p.peek().op {
		return condition{value: first.text}, nil
	}
	if !first.bare {
		return condition{}, fmt.Errorf("%q cannot be a field", first.text)
	}
	operator := p.take()
	if p.pos >= len(p.tokens) || p.peek().op {
		return condition{}, fmt.Errorf("field %q has no value", first.text)
	}
	return condition{field: strings.ToLower(first.text), operator: operator.text, value: p.take().text}, nil
}
