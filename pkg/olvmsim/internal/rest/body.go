package rest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// reply is an answer; a nil body is an empty one.
type reply struct {
	status int
	body   any
}

const (
	reasonSyntax  = "Request syntactically incorrect."
	reasonInvalid = "Invalid value"
)

// decode reads the body strictly; an empty body leaves into as it is, which is legal for actions.
func (r *request) decode(into any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return r.badSyntax()
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if r.noBody {
		return &engine.Fault{Status: http.StatusUnsupportedMediaType}
	}
	err = r.codec.Decode(r.bodyFormat, raw, wire.RootName(into), into)
	var value *wire.ValueError
	switch {
	case errors.As(err, &value):
		return invalidValue(value.Detail)
	case errors.Is(err, wire.ErrSyntax):
		return r.badSyntax()
	}
	return err
}

func (r *request) badSyntax() error {
	return &engine.Fault{
		Status: http.StatusBadRequest, Reason: reasonSyntax,
		Detail: "For correct usage, see: https://" + r.Host + "/ovirt-engine/apidoc#" + r.doc,
	}
}

func invalidValue(detail string) error {
	return &engine.Fault{Status: http.StatusBadRequest, Reason: reasonInvalid, Detail: detail}
}

// enum is a value of an enumeration and its members.
type enum struct {
	value, kind string
	members     []string
}

// checkEnums refuses the first value that is given and not a member.
func checkEnums(enums ...enum) error {
	for _, e := range enums {
		if e.value != "" && !slices.Contains(e.members, e.value) {
			return invalidValue(e.value + " is not a member of " + e.kind)
		}
	}
	return nil
}
