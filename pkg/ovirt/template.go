package ovirt

import (
	"context"
	"net/http"
)

// BlankTemplateID is the template that every engine has: a VM that is made from it has no disks.
const BlankTemplateID = "00000000-0000-0000-0000-000000000000"

// AddTemplate describes a template that is made from a VM.
type AddTemplate struct {
	Name                 string // letters, digits, '_', '-', '.'; that of the base for a further version
	Description, Comment string
	VMID                 string
	// BaseID makes it the next version of that template; empty makes a template of its own.
	BaseID      string
	VersionName string
}

// AddTemplate creates a template with copies of the VM's disks; the VM must be down. Template and VM are locked until they are
// there. The engine chooses the id: on Unavailable look for the template by its name and comment.
func (c *Client) AddTemplate(ctx context.Context, t AddTemplate, correlationID string) (*Template, error) {
	r := request{
		name: "templates.add", operation: "add template", object: t.Name, method: http.MethodPost, path: []string{"templates"},
		correlationID: correlationID, body: t.wire(),
	}
	if !validCorrelationID(correlationID) {
		return nil, r.invalid("the correlation id must be 1 to 36 letters, digits, '_' and '-'")
	}
	return one(ctx, c, r, templateOf)
}

// Template reads one version of a template.
func (c *Client) Template(ctx context.Context, id string) (*Template, error) {
	return one(ctx, c, request{
		name: "templates.get", operation: "get template", object: id, method: http.MethodGet, path: []string{"templates", id},
	}, templateOf)
}

// RemoveTemplate removes one version of a template with its disks; Conflict when VMs depend on it, or other versions on this one.
// The engine goes on after the reply; the template is gone when Template says NotFound.
func (c *Client) RemoveTemplate(ctx context.Context, id string) error {
	return c.do(ctx, request{
		name: "templates.remove", operation: "remove template", object: id, method: http.MethodDelete, path: []string{"templates", id},
	}, nil)
}
