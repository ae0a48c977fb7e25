package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// rollout is what an upgrade does with one group of machines.
type rollout struct {
	machineGroup
	// to is the version that the group gets.
	to string
	// want is the machine template that the group gets: its present one, with its name, when nothing but addresses is different.
	want *infrav1.OLVMMachineTemplate
	// write says that want is not in the management cluster as it shall be.
	write bool
}

// replaces says whether the group's machines are replaced.
func (r *rollout) replaces() bool { return r.version != r.to || r.want.Name != r.template.Name }

// complete says whether every machine of the group is what it shall be, and runs a Ready node.
func (r *rollout) complete(s *snapshot, t target) bool {
	for i := range s.machines {
		m := &s.machines[i]
		if !r.of(m) {
			continue
		}
		im := s.infraMachine(m)
		if m.Spec.Version != r.to || im == nil || im.Annotations[clusterv1.TemplateClonedFromNameAnnotation] != r.want.Name {
			return false
		}
	}
	return r.isUp(s, t)
}

// newRollout gives the template that is wanted its name: templates of one content have one name, so that running a command again makes none
// anew.
func newRollout(g machineGroup, to string, spec infrav1.OLVMMachineSpec, cluster *clusterv1.Cluster) (rollout, error) {
	want := &infrav1.OLVMMachineTemplate{
		TypeMeta: metav1.TypeMeta{APIVersion: infrav1.GroupVersion().String(), Kind: "OLVMMachineTemplate"},
		ObjectMeta: metav1.ObjectMeta{
			Name: g.template.Name, Namespace: g.template.Namespace, Labels: map[string]string{clusterv1.ClusterNameLabel: cluster.Name},
		},
	}
	want.Spec.Template.Spec = spec
	// Cluster API adds the same when a group refers to the template; one that is only staged shall go with the cluster, too.
	want.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID,
	}}
	r := rollout{machineGroup: g, to: to, want: want}
	if equality.Semantic.DeepEqual(withPoolsOf(want, g.template).Spec.Template.Spec, spec) {
		r.write = !equality.Semantic.DeepEqual(g.template.Spec.Template.Spec, spec)
		return r, nil
	}
	// Pools do not count: they may change without new machines.
	content, err := json.Marshal(withPoolsOf(&infrav1.OLVMMachineTemplate{}, want).Spec.Template.Spec)
	if err != nil {
		return rollout{}, fmt.Errorf("write the machine template of the %s: %w", g.title, err)
	}
	sum := sha256.Sum256(content)
	want.Name, r.write = g.name()+"-"+hex.EncodeToString(sum[:4]), true
	return r, nil
}

// patch is a JSON merge patch that begins the rollout.
func (r *rollout) patch() []byte {
	machine := map[string]any{"infrastructureRef": map[string]any{"name": r.want.Name}}
	spec := map[string]any{"version": r.to, "machineTemplate": map[string]any{"spec": machine}}
	if !r.controlPlane {
		machine["version"] = r.to
		spec = map[string]any{"template": map[string]any{"spec": machine}}
	}
	text, _ := json.Marshal(map[string]any{"spec": spec}) // maps of strings
	return text
}

// removeOldTemplates removes the machine templates that upgrades have made, and the first ones, once nothing refers to them.
func (m *Management) removeOldTemplates(ctx context.Context, key client.ObjectKey, groups []rollout, report progress.Reporter) error {
	cleaning, cancel := context.WithTimeoutCause(ctx, cleanUpTimeout, errOldTemplatesInUse)
	defer cancel()
	for {
		left, err := m.oldTemplates(cleaning, key, groups)
		if err != nil {
			return err
		}
		used := left[:0:0]
		for _, t := range left {
			if t.used {
				used = append(used, t)
				continue
			}
			if err := m.Client.Delete(cleaning, t.object); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("remove the old OLVMMachineTemplate %s: %w", client.ObjectKeyFromObject(t.object), err)
			}
			report.Step("Removed the old machine template " + t.object.GetName())
		}
		if len(used) == 0 {
			return nil
		}
		if err := pause(cleaning); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			report.Warn(fmt.Sprintf("the old machine template %s stays: a MachineSet still refers to it", used[0].object.GetName()))
			return nil
		}
	}
}

var errOldTemplatesInUse = errors.New("old machine templates are in use")

// oldTemplate is one that no group has any more.
type oldTemplate struct {
	object *infrav1.OLVMMachineTemplate
	used   bool // by machines that are being replaced
}

// oldTemplates are those with names that ocne gives: a group's own, or with eight hexadecimal digits added.
func (m *Management) oldTemplates(ctx context.Context, key client.ObjectKey, groups []rollout) ([]oldTemplate, error) {
	ofCluster := []client.ListOption{client.InNamespace(key.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: key.Name}}
	var templates infrav1.OLVMMachineTemplateList
	if err := m.Client.List(ctx, &templates, ofCluster...); err != nil {
		return nil, fmt.Errorf("list OLVMMachineTemplates of cluster %s: %w", key, err)
	}
	var sets clusterv1.MachineSetList
	if err := m.Client.List(ctx, &sets, ofCluster...); err != nil {
		return nil, fmt.Errorf("list MachineSets of cluster %s: %w", key, err)
	}
	var names, current []string
	for i := range groups {
		names, current = append(names, regexp.QuoteMeta(groups[i].name())), append(current, groups[i].want.Name)
	}
	ours := regexp.MustCompile(`^(` + strings.Join(names, "|") + `)(-[0-9a-f]{8})?$`)
	var old []oldTemplate
	for i := range templates.Items {
		t := &templates.Items[i]
		if !ours.MatchString(t.Name) || slices.Contains(current, t.Name) || !t.DeletionTimestamp.IsZero() {
			continue
		}
		used := slices.ContainsFunc(sets.Items, func(s clusterv1.MachineSet) bool { return s.Spec.Template.Spec.InfrastructureRef.Name == t.Name })
		old = append(old, oldTemplate{object: t, used: used})
	}
	return old, nil
}

// applyTemplate writes the template that a group gets.
func (m *Management) applyTemplate(ctx context.Context, r *rollout, report progress.Reporter) error {
	if !r.write {
		return nil
	}
	if err := apply(ctx, m.Client, r.want); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("the namespace of the cluster is gone: %w", err)
		}
		return err
	}
	if r.want.Name != r.template.Name {
		report.Step(fmt.Sprintf("Made the machine template %s for the %s: VM template %s", r.want.Name, r.title, vmTemplateOf(r.want.Spec.Template.Spec)))
	}
	return nil
}
