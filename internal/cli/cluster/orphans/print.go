package orphans

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

func (o *Options) print(found []cluster.Orphan) error {
	streams := o.Environment.Streams
	switch {
	case o.Output.ForPrograms():
		return output.Print(streams.Out, o.Output, found)
	case len(found) == 0:
		_, err := fmt.Fprintln(streams.Err, "No orphans: every VM that carries the mark of ocne has its machine.")
		return err
	case o.Remove:
		return printRemoved(streams.Out, found)
	}
	return printFound(streams.Out, found)
}

// printFound has a table for each cluster: what may be done differs between them.
func printFound(w io.Writer, found []cluster.Orphan) error {
	for i := 0; i < len(found); {
		first, rows := found[i], [][]string{}
		for ; i < len(found) && found[i].Cluster == first.Cluster; i++ {
			rows = append(rows, []string{name(found[i]), found[i].Status, strings.Join(found[i].Addresses, ","), found[i].ID})
		}
		if _, err := fmt.Fprintf(w, "Cluster %s%s\n", first.Cluster, standing(first)); err != nil {
			return err
		}
		if err := output.Table(w, []string{"VM", "STATUS", "ADDRESSES", "ID"}, rows); err != nil {
			return err
		}
		if i < len(found) {
			_, _ = fmt.Fprintln(w)
		}
	}
	return nil
}

// name says which machine a VM was of, unless it has that machine's name.
func name(o cluster.Orphan) string {
	if _, machine, _ := strings.Cut(o.Machine, "/"); machine != o.Name {
		return o.Name + " (machine " + o.Machine + ")"
	}
	return o.Name
}

func standing(o cluster.Orphan) string {
	switch {
	case o.HeldBy != "":
		return ", which is held by " + o.HeldBy
	case o.Paused:
		return ", which is paused: it may be on its way to or from another management cluster"
	case !o.Known:
		return ", which this management cluster does not know: another one may manage it"
	}
	return ", which this management cluster manages"
}

func printRemoved(w io.Writer, found []cluster.Orphan) error {
	rows := make([][]string, 0, len(found))
	for _, o := range found {
		result := "removed"
		if !o.Removed {
			result = "still there"
		}
		if o.Message != "" {
			result += ": " + o.Message
		}
		rows = append(rows, []string{name(o), o.Cluster, result})
	}
	return output.Table(w, []string{"VM", "CLUSTER", "RESULT"}, rows)
}

// confirm shows what would be removed, and asks unless the answer was given.
func (o *Options) confirm(ctx context.Context, all, removable []cluster.Orphan) (bool, error) {
	errOut := o.Environment.Streams.Err
	if len(all) == 0 {
		return false, nil
	}
	if err := printFound(errOut, all); err != nil {
		return false, err
	}
	if len(removable) == 0 {
		_, err := fmt.Fprintln(errOut, "\nNothing is removed.")
		return false, err
	}
	if o.Yes {
		_, err := fmt.Fprintln(errOut)
		return true, err
	}
	if _, err := fmt.Fprintf(errOut, "\nRemove %s, with their own disks? [y/N] ", names(removable)); err != nil {
		return false, err
	}
	answer, err := readLine(ctx, o.Environment.Streams.In)
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

func names(orphans []cluster.Orphan) string {
	all := make([]string, len(orphans))
	for i, o := range orphans {
		all[i] = o.Name
	}
	return strings.Join(all, ", ")
}

// readLine ends with the context, too. A read of a terminal cannot be ended; it goes on until the process ends, which is next.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(in).ReadString('\n')
		done <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case r := <-done:
		if r.err == io.EOF { //nolint:errorlint // readers return it as it is
			return r.line, nil
		}
		return r.line, r.err
	}
}
