package machine

import (
	"context"
	"fmt"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// addTags gives the VM tags. Tags belong to the whole engine: one that does not exist is made, and somebody else may do so at the same time.
func addTags(ctx context.Context, e *engine.Engine, vmID string, names []string) error {
	for _, name := range names {
		if err := addTag(ctx, e, vmID, name); err != nil {
			return fmt.Errorf("tag %q: %w", name, err)
		}
	}
	return nil
}

func addTag(ctx context.Context, e *engine.Engine, vmID, name string) error {
	id, err := e.TagID(ctx, name)
	if err != nil {
		return err
	}
	if id == "" {
		if _, err := e.Client().AddTag(ctx, name); tolerate(err, ovirt.Exists) != nil {
			return err
		}
		e.ForgetTags()
		if id, err = e.TagID(ctx, name); err != nil {
			return err
		}
	}
	err = e.Client().AddVMTag(ctx, vmID, id)
	if ovirt.KindOf(err) == ovirt.NotFound { // somebody removed the tag
		e.ForgetTags()
	}
	return tolerate(err, ovirt.Exists)
}

func liftProtection(ctx context.Context, e *engine.Engine, vmID string) error {
	_, err := e.Client().UpdateVM(ctx, vmID, ovirt.VMUpdate{DeleteProtected: new(false)})
	return tolerate(err, ovirt.NotFound)
}
