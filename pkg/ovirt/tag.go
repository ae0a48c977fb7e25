package ovirt

import (
	"context"
	"net/http"
)

// Tag marks VMs and other objects. Searches know it: tag="NAME".
type Tag struct {
	ID, Name, Description string
	ParentID              string // empty for the root, which every engine has
}

type wireTag struct {
	ID          string     `json:"id,omitempty"`
	Name        string     `json:"name,omitempty"`
	Description string     `json:"description,omitempty"`
	Parent      *reference `json:"parent,omitempty"`
}

func tagOf(w *wireTag) Tag {
	return Tag{ID: w.ID, Name: w.Name, Description: w.Description, ParentID: w.Parent.id()}
}

// Tags lists all tags, the root among them.
func (c *Client) Tags(ctx context.Context) ([]Tag, error) {
	return list(ctx, c, request{name: "tags.list", operation: "list tags", method: http.MethodGet, path: []string{"tags"}}, "tag", tagOf)
}

// AddTag makes a tag below the root; Exists when there is one of that name.
func (c *Client) AddTag(ctx context.Context, name string) (*Tag, error) {
	return one(ctx, c, request{
		name: "tags.add", operation: "add tag", object: name, method: http.MethodPost, path: []string{"tags"}, body: wireTag{Name: name},
	}, tagOf)
}

// VMTags lists the tags of a VM.
func (c *Client) VMTags(ctx context.Context, vmID string) ([]Tag, error) {
	return list(ctx, c, request{
		name: "vms.tags.list", operation: "list tags of VM", object: vmID, method: http.MethodGet, path: []string{"vms", vmID, "tags"},
	}, "tag", tagOf)
}

// AddVMTag gives a VM a tag, which it may have already. NotFound means the VM or the tag.
func (c *Client) AddVMTag(ctx context.Context, vmID, tagID string) error {
	r := request{
		name: "vms.tags.add", operation: "add tag " + tagID + " to VM", object: vmID,
		method: http.MethodPost, path: []string{"vms", vmID, "tags"}, body: wireTag{ID: tagID},
	}
	if tagID == "" {
		return r.invalid("the id of the tag is empty")
	}
	return c.do(ctx, r, nil)
}

// RemoveVMTag takes a tag away from a VM; NotFound when it does not have it.
func (c *Client) RemoveVMTag(ctx context.Context, vmID, tagID string) error {
	return c.do(ctx, request{
		name: "vms.tags.remove", operation: "remove tag " + tagID + " from VM", object: vmID,
		method: http.MethodDelete, path: []string{"vms", vmID, "tags", tagID},
	}, nil)
}
