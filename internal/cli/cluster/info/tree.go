package info

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ocne-project/ocne/internal/cluster"
)

// tree makes the nodes of one cluster.
type tree struct {
	*cluster.Details
	wide bool
	// said are the subjects whose conditions and advice have a place, and advised where an advice stands.
	said    map[string]bool
	advised map[string]string
}

// newTree arranges what is known of a cluster: whatever is not as it should be stands below what it is about.
func newTree(d *cluster.Details, wide bool) *node {
	t := &tree{Details: d, wide: wide, said: map[string]bool{}, advised: map[string]string{}}
	root := &node{name: "cluster", text: fmt.Sprintf("%s (namespace %s)   %s", d.Name, d.Namespace, t.state()), born: d.Created}
	root.children = []*node{t.management(), t.engine(), t.endpoint()}
	if pools := t.pools(); pools != nil {
		root.children = append(root.children, pools)
	}
	for _, g := range d.Groups {
		root.children = append(root.children, t.group(g))
	}
	if others := t.machines(cluster.WorkerRole, ""); len(others) > 0 {
		root.children = append(root.children, &node{name: "other workers", text: "Workers of no group", children: others})
	}
	t.tell(root, "cluster")
	for _, c := range d.Conditions { // nothing is left out, whatever it is about
		t.tell(root, c.Subject)
	}
	for _, step := range d.NextSteps {
		for _, subject := range step.Subjects {
			t.tell(root, subject)
		}
	}
	if !d.Ready && len(d.Conditions) > 0 && len(d.NextSteps) == 0 {
		root.notes = append(root.notes, note{text: "Nothing of this needs you yet: it is under way."})
	}
	return root
}

func (t *tree) state() string {
	state := cmp.Or(t.Phase, "new")
	if t.Ready {
		state += ", everything is ready"
	}
	return state
}

func (t *tree) management() *node {
	n := &node{name: "management cluster", text: "Management cluster   " + t.ManagementCluster}
	kubeconfig := t.Kubeconfig
	if kubeconfig == "" {
		kubeconfig = fmt.Sprintf("not on this machine; ocne cluster kubeconfig -C %s prints it", t.Name)
	}
	n.notes = append(n.notes, note{text: "kubeconfig of the cluster: " + kubeconfig})
	return n
}

func (t *tree) engine() *node {
	e := t.Engine
	n := &node{name: "engine", text: "Engine   " + cmp.Or(e.URL, "not known yet")}
	var words []string
	if e.Release != "" {
		words = append(words, "release "+e.Release)
	}
	if e.DataCenter != "" {
		words = append(words, "data center "+e.DataCenter)
	}
	switch {
	case e.Reachable:
		words = append(words, "reachable")
	case e.Message != "":
		words = append(words, "not reachable")
	}
	if len(words) > 0 {
		n.notes = append(n.notes, note{text: strings.Join(words, ", ")})
	}
	t.tell(n, "infrastructure")
	return n
}

func (t *tree) endpoint() *node {
	n := &node{name: "endpoint", text: "Endpoint   " + cmp.Or(t.Endpoint, "not known yet")}
	t.tell(n, "API "+t.Endpoint)
	return n
}

func (t *tree) group(g cluster.GroupDetails) *node {
	title, subject := "Workers "+g.Name, "workers "+g.Name
	if g.Role == cluster.ControlPlaneRole {
		title, subject = "Control plane", "control plane"
	}
	n := &node{name: subject, text: fmt.Sprintf("%s   %s ready   %s", title, g.Machines, g.Version)}
	var domains []string
	for _, d := range g.FailureDomains {
		domains = append(domains, fmt.Sprintf("%s %d", d.Name, d.Machines))
	}
	if len(domains) > 0 {
		n.notes = append(n.notes, note{text: "machines in each failure domain: " + strings.Join(domains, ", ")})
	}
	t.tell(n, subject)
	n.children = t.machines(g.Role, g.Name)
	return n
}

func (t *tree) machines(role, group string) []*node {
	machines := slices.DeleteFunc(slices.Clone(t.Machines), func(m cluster.MachineDetails) bool { return m.Role != role || m.Group != group })
	rows := make([][]string, len(machines))
	for i, m := range machines {
		state := "no node yet"
		if m.Node != "" {
			state = "node " + cmp.Or(m.NodeStatus, "not known")
		}
		rows[i] = []string{m.Name, cmp.Or(m.Phase, "new"), m.Version, state}
	}
	align(rows)
	nodes := make([]*node, len(machines))
	for i, m := range machines {
		n := &node{name: "machine " + m.Name, text: strings.TrimRight(strings.Join(rows[i], "   "), " ")}
		n.notes = append(n.notes, note{text: t.vm(m)})
		if t.wide {
			n.born = m.Created
			n.notes = append(n.notes, note{text: "VM id " + cmp.Or(m.VM.ID, "-") + ", node " + cmp.Or(m.Node, "-")},
				note{text: "provider id " + cmp.Or(m.ProviderID, "-")})
		}
		t.tell(n, n.name)
		nodes[i] = n
	}
	return nodes
}

// vm is a machine's VM in words; its name is that of the machine unless it is said.
func (t *tree) vm(m cluster.MachineDetails) string {
	text := "no VM"
	if m.VM.Status != "" {
		text = "VM"
		if m.VM.Name != "" && m.VM.Name != m.Name {
			text += " " + m.VM.Name
		}
		text += " " + m.VM.Status
		if m.VM.Host != "" {
			text += " on host " + m.VM.Host
		}
		if !t.Engine.Reachable && t.Engine.Message != "" {
			text += " when it was seen last"
		}
	}
	if m.FailureDomain != "" {
		text += ", failure domain " + m.FailureDomain
	}
	if len(m.Addresses) > 0 {
		text += ", " + strings.Join(m.Addresses, ", ")
	}
	return text
}

// align pads the cells of all rows but the last to the widest of their column.
func align(rows [][]string) {
	for _, row := range rows {
		for c := range len(row) - 1 {
			widest := 0
			for _, other := range rows {
				widest = max(widest, utf8.RuneCountInString(other[c]))
			}
			row[c] += strings.Repeat(" ", widest-utf8.RuneCountInString(row[c]))
		}
	}
}

// tell adds what is not as it should be with a subject, and what to do. An advice that many share is given once.
func (t *tree) tell(n *node, subject string) {
	if t.said[subject] {
		return
	}
	t.said[subject] = true
	for _, c := range t.Conditions {
		if c.Subject != subject {
			continue
		}
		text := fmt.Sprintf("%s is %s, %s", c.Type, c.Status, c.Reason)
		if n.name == "cluster" && subject != "cluster" {
			text = subject + ": " + text
		}
		if t.wide && !c.Since.IsZero() {
			text += ", since " + stamp(c.Since)
		}
		if c.Message != "" {
			text += ": " + c.Message
		}
		n.notes = append(n.notes, note{mark: "! ", text: text})
	}
	for _, step := range t.NextSteps {
		if !slices.Contains(step.Subjects, subject) {
			continue
		}
		if where, known := t.advised[step.Advice]; known {
			n.notes = append(n.notes, note{mark: "> ", text: "What to do: as for " + where + "."})
			continue
		}
		t.advised[step.Advice] = subject
		n.notes = append(n.notes, advice(step.Advice)...)
	}
}

// advice joins the lines of sentences, which are wrapped anew; those of a command begin with spaces and stay.
func advice(text string) []note {
	var notes []note
	for i, line := range strings.Split(text, "\n") {
		command := strings.HasPrefix(line, " ")
		if n := len(notes); i > 0 && !command && !notes[n-1].command {
			notes[n-1].text += " " + line
			continue
		}
		mark := "  "
		if i == 0 {
			mark = "> "
		}
		notes = append(notes, note{mark: mark, text: line, command: command})
	}
	return notes
}
