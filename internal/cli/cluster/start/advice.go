package start

import (
	"errors"
	"fmt"

	"github.com/ocne-project/ocne/internal/cluster"
)

// advised adds what is left and the commands to go on with.
func (o *Options) advised(name string, err error) error {
	var unfinished *cluster.UnfinishedError
	var stuck *cluster.StuckError
	switch {
	case errors.As(err, &stuck):
		return &cluster.AdvisedError{Err: err, Advice: o.afterStuck(stuck), Last: true}
	case errors.As(err, &unfinished):
		return &cluster.AdvisedError{Err: err, Advice: o.resume(name, unfinished)}
	case errors.Is(err, cluster.ErrBeingDeleted):
		return &cluster.AdvisedError{Err: err, Advice: "Wait for the end of the deletion, then start the cluster again:\n  " + o.command("delete", name)}
	}
	return err
}

func (o *Options) resume(name string, e *cluster.UnfinishedError) string {
	goOn := fmt.Sprintf("\n  %s   # go on, and wait for it", o.command("start", name))
	rest := fmt.Sprintf("\n  %s   # see how far it is%s\n  %s   # remove it", o.command("list", ""), goOn, o.command("delete", name))
	switch {
	case e.Applied:
		return "Cluster " + name + " stays, and goes on without this command:" + rest
	case e.Begun:
		return "Cluster " + name + " was not made yet, or not completely:" + rest
	}
	return "Nothing was changed." + goOn
}

// afterStuck says what is wrong, what to do about it, what is left and how to go on.
func (o *Options) afterStuck(e *cluster.StuckError) string {
	return fmt.Sprintf("%s  %s   # go on, and wait for it\n  %s   # or remove it, with everything that was made",
		e.Advice(), o.command("start", e.Name), o.command("delete", e.Name))
}
