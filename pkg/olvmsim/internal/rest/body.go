package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// reply is an answer; a nil body is an empty one.
type reply struct {
	status int
	body   any
}

func (a reply) write(w http.ResponseWriter) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(a.body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set(headerType, contentJSON)
	w.WriteHeader(a.status)
	_, _ = w.Write(b.Bytes())
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
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var value *valueError
		if errors.As(err, &value) {
			return invalidValue(value.detail)
		}
		return r.badSyntax()
	}
	if decoder.More() {
		return r.badSyntax()
	}
	return nil
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
