package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

func printText(w io.Writer, d *cluster.Details, now time.Time) error {
	if err := printHead(w, d, now); err != nil {
		return err
	}
	if err := printMachines(w, d.Machines); err != nil {
		return err
	}
	if err := printPools(w, d.AddressPools); err != nil {
		return err
	}
	return printProblems(w, d)
}

func printHead(w io.Writer, d *cluster.Details, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { _, _ = fmt.Fprintf(table, "%s:\t%s\n", name, cmp.Or(value, "-")) }
	phase := d.Phase
	if d.Ready {
		phase += ", everything is ready"
	}
	row("Name", d.Name)
	row("Namespace", d.Namespace)
	row("Phase", phase)
	row("Endpoint", d.Endpoint)
	row("Kubernetes", d.Version)
	row("Control plane", d.ControlPlane.String()+" ready")
	row("Workers", d.Workers.String()+" ready")
	row("Engine", d.Engine.URL)
	row("Engine release", d.Engine.Release)
	row("Data center", d.Engine.DataCenter)
	row("Management cluster", d.ManagementCluster)
	row("Kubeconfig", cmp.Or(d.Kubeconfig, fmt.Sprintf("not on this machine; ocne cluster kubeconfig -C %s prints it", d.Name)))
	row("Age", duration.HumanDuration(now.Sub(d.Created)))
	return table.Flush()
}

func printMachines(w io.Writer, machines []cluster.MachineDetails) error {
	if len(machines) == 0 {
		_, err := fmt.Fprint(w, "\nNo machines.\n")
		return err
	}
	rows := make([][]string, 0, len(machines))
	for _, m := range machines {
		rows = append(rows, []string{
			m.Name, m.Role, m.Phase, m.Version, m.NodeStatus, m.VM.Status, strings.Join(m.Addresses, ","), m.VM.ID,
		})
	}
	_, _ = fmt.Fprintln(w)
	return output.Table(w, []string{"MACHINE", "ROLE", "PHASE", "VERSION", "NODE", "VM", "ADDRESSES", "VM ID"}, rows)
}

func printPools(w io.Writer, pools []cluster.AddressPool) error {
	if len(pools) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(pools))
	for _, p := range pools {
		rows = append(rows, []string{
			strings.Join(p.Ranges, ", "), p.Network, strings.Join(p.Groups, ", "),
			fmt.Sprintf("%d of %d", p.Used, p.Total), strconv.FormatUint(p.UsedByOthers, 10), strconv.FormatUint(p.Free(), 10),
		})
	}
	_, _ = fmt.Fprintln(w)
	return output.Table(w, []string{"ADDRESS POOL", "NETWORK", "FOR", "USED", "BY OTHERS", "FREE"}, rows)
}

func printProblems(w io.Writer, d *cluster.Details) error {
	var text strings.Builder
	if len(d.Conditions) > 0 {
		text.WriteString("\nNot as it should be:\n")
	}
	for _, c := range d.Conditions {
		line := fmt.Sprintf("%s: %s is %s: %s", c.Subject, c.Type, c.Status, c.Reason)
		if c.Message != "" {
			line += ": " + c.Message
		}
		fmt.Fprintf(&text, "  %s\n", progress.OneLine(line))
	}
	if len(d.NextSteps) > 0 {
		text.WriteString("\nWhat to do:\n")
	} else if !d.Ready && len(d.Conditions) > 0 {
		text.WriteString("\nNothing of this needs you yet: it is under way.\n")
	}
	for _, step := range d.NextSteps {
		fmt.Fprintf(&text, "  %s:\n    %s\n", subjects(step.Subjects), strings.ReplaceAll(step.Advice, "\n", "\n    "))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// subjects keeps a line readable when many machines have the same problem.
func subjects(names []string) string {
	const shown = 3
	if more := len(names) - shown; more > 0 {
		names = append(slices.Clone(names[:shown]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
