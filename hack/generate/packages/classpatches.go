package packages

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// What stands for a variable in the configuration that kubeadm's is made of, until the patch is written.
const (
	virtualIPToken    = "VIRTUAL-IP"
	apiServerPort     = 70100
	cipherSuitesToken = "CIPHER-SUITES"
	registryToken     = "REGISTRY"
	nodeMaskSubnet    = "fd00::/97"
	nodeMaskToken     = `"113"` // what each node gets of it
)

// What Go templates say of the IPv6 pod subnet, and of the part of it that a node gets where Kubernetes' default does not do. The rule is the
// configuration's, which TestLifeOfAClusterOfTheClusterClass compares. The subnets are those of the Cluster: there is no variable for them.
const (
	podSubnets   = `(join "," (dig "cluster" "network" "pods" list .builtin))`
	podBitsIPv6  = `(atoi (last (splitList "/" (regexFind "[0-9a-fA-F]*:[0-9a-fA-F:.]*/[0-9]+" ` + podSubnets + `))))`
	nodeMaskIPv6 = `(min 120 (add 16 ` + podBitsIPv6 + `))`
	// Neither from /48 to /56. Cluster API has room for 256 bytes of a patch's conditions.
	nodeMaskIsMeant = `(regexMatch ":[^,]*/([1-36-9].|4[0-7]|5[7-9]|1..)\\b" ` + podSubnets + `)`
)

// asTemplate puts Go templates of variables in the place of what stands for them. A cluster whose virtual IP comes from a pool has no host in
// the variable; Cluster API tells kubeadm of the endpoint anyway.
func asTemplate(text string) string {
	return strings.NewReplacer(
		virtualIPToken, `{{ dig "host" "localhost" (.controlPlaneEndpoint | default dict) }}`,
		strconv.Itoa(apiServerPort), "{{ ."+apiServerPortVariable+" }}",
		cipherSuitesToken, `{{ join "," .`+cipherSuitesVariable+" }}",
		registryToken, "{{ ."+registryVariable+" }}",
		nodeMaskToken, `"{{ `+nodeMaskIPv6+` }}"`,
	).Replace(text)
}

// classPatches write the objects' specs as a whole, then what depends on single variables.
func classPatches(variables []clusterv1.ClusterClassVariable) ([]clusterv1.ClusterClassPatch, error) {
	patches := []clusterv1.ClusterClassPatch{
		specPatch("olvm-cluster", "OLVMClusterTemplate", matchCluster(), clusterTemplateOf(variables)),
		specPatch("control-plane-machines", "OLVMMachineTemplate", matchControlPlane(),
			machineTemplateOf("."+controlPlaneMachineVariable, ".builtin.controlPlane.version")),
		specPatch("worker-machines", "OLVMMachineTemplate", matchWorkers(), machineTemplateOf(workerMachine(), ".builtin.machineDeployment.version")),
	}
	for _, v := range append(controlPlaneVariants(), workerVariants()...) {
		made, err := v.patches()
		if err != nil {
			return nil, fmt.Errorf("kubeadm's configuration, variant %s: %w", v.name, err)
		}
		patches = append(patches, made...)
	}
	return patches, nil
}

func matchCluster() clusterv1.PatchSelectorMatch {
	return clusterv1.PatchSelectorMatch{InfrastructureCluster: ptr.To(true)}
}

func matchControlPlane() clusterv1.PatchSelectorMatch {
	return clusterv1.PatchSelectorMatch{ControlPlane: ptr.To(true)}
}

func matchWorkers() clusterv1.PatchSelectorMatch {
	return clusterv1.PatchSelectorMatch{MachineDeploymentClass: &clusterv1.PatchSelectorMatchMachineDeploymentClass{Names: []string{WorkerClass}}}
}

func specPatch(name, kind string, match clusterv1.PatchSelectorMatch, template string) clusterv1.ClusterClassPatch {
	return clusterv1.ClusterClassPatch{Name: name, Definitions: []clusterv1.PatchDefinition{{
		Selector: clusterv1.PatchSelector{APIVersion: infrav1.GroupVersion().String(), Kind: kind, MatchResources: match},
		JSONPatches: []clusterv1.JSONPatch{{
			Op: "replace", Path: "/spec/template/spec", ValueFrom: &clusterv1.JSONPatchValue{Template: template},
		}},
	}}}
}

// clusterTemplateOf picks the variables that are fields of the OLVMCluster, as many as are set.
func clusterTemplateOf(variables []clusterv1.ClusterClassVariable) string {
	template := "{{ pick ."
	for _, v := range variables {
		if v.Name == controlPlaneMachineVariable {
			break
		}
		template += " " + strconv.Quote(v.Name)
	}
	return template + " | toJson }}"
}

// workerMachine is what a Go template says for the machine of a MachineDeployment.
func workerMachine() string {
	return "(mergeOverwrite ." + workerMachineVariable + " (." + poolMachineVariable + " | default dict))"
}

// machineTemplateOf takes the VM template of the release where the machine names none. A MachineDeployment's release follows when the control
// plane has been upgraded, and so does its VM template. It has no variables of its own: clusterctl might take a dollar sign for one of its.
func machineTemplateOf(machine, version string) string {
	return "{{- if or " + machine + ".vmTemplateName " + machine + ".vmTemplateID }}\n" +
		"{{- toJson " + machine + " }}\n" +
		"{{- else if not (hasKey (." + vmTemplatesVariable + " | default dict) " + version + ") }}\n" +
		"{{- fail (printf \"" + vmTemplatesVariable + " has no VM template for Kubernetes %s\" " + version + ") }}\n" +
		"{{- else }}\n" +
		"{{- set " + machine + " \"vmTemplateName\" (get ." + vmTemplatesVariable + " " + version + ") | toJson }}\n" +
		"{{- end }}"
}

// variant is kubeadm's configuration under some conditions, each an operand of the template's "and".
type variant struct {
	name       string
	conditions []string
	set        func(*config.Config)
	kind       string // of the template that is patched
}

// feature is what some clusters have in each variant, on top of another one or on top of nothing.
type feature struct {
	variant
	upon *feature
}

// features are in the order of their patches: one on top of another comes after both.
func features() []feature {
	cipherSuites := feature{variant: variant{name: "cipher-suites", conditions: []string{"(gt (len ." + cipherSuitesVariable + ") 0)"},
		set: func(c *config.Config) { c.CipherSuites = []string{cipherSuitesToken} }}}
	registry := feature{variant: variant{name: "registry", conditions: []string{"(ne ." + registryVariable + ` "")`},
		set: func(c *config.Config) { c.Node.Registry = registryToken }}}
	nodeMask := feature{variant: variant{name: "node-mask", conditions: []string{nodeMaskIsMeant},
		set: func(c *config.Config) { c.PodSubnets = []string{nodeMaskSubnet} }}}
	both := nodeMask
	both.upon = &cipherSuites // they write one list
	return []feature{cipherSuites, registry, nodeMask, both}
}

// in is the patch that the feature has in a variant; nil when it changes nothing there.
func (f feature) in(v variant, at string) (*clusterv1.ClusterClassPatch, error) {
	name, conditions := v.name, v.conditions
	before := func(*config.Config) {}
	if f.upon != nil {
		name, conditions, before = name+"-"+f.upon.name, slices.Concat(conditions, f.upon.conditions), f.upon.set
	}
	from, _, err := v.kubeadm(before)
	if err != nil {
		return nil, err
	}
	to, _, err := v.kubeadm(func(c *config.Config) {
		before(c)
		f.set(c)
	})
	if err != nil {
		return nil, err
	}
	changes, err := differences(at, from, to)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	patch := v.patch(name+"-"+f.name, slices.Concat(conditions, f.conditions), changes)
	return &patch, nil
}

func profileIs(machine, profile string) string {
	return "(eq (" + machine + `.imageProfile | default "ock") "` + profile + `")`
}

func controlPlaneVariants() []variant {
	const kind = "KubeadmControlPlaneTemplate"
	isOCK := profileIs("."+controlPlaneMachineVariable, "ock")
	return []variant{
		{"control-plane-ock", []string{isOCK, "." + addonsVariable}, func(*config.Config) {}, kind},
		{"control-plane-ock-without-addons", []string{isOCK, "(not ." + addonsVariable + ")"},
			func(c *config.Config) { c.AddonsByKubeadm = false }, kind},
		{"control-plane-plain", []string{profileIs("."+controlPlaneMachineVariable, "plain")},
			func(c *config.Config) { c.OLVM.ControlPlaneMachine.ImageProfile = "plain" }, kind},
	}
}

func workerVariants() []variant {
	const kind = "KubeadmConfigTemplate"
	return []variant{
		{"workers-ock", []string{profileIs(workerMachine(), "ock")}, func(*config.Config) {}, kind},
		{"workers-plain", []string{profileIs(workerMachine(), "plain")},
			func(c *config.Config) { c.OLVM.WorkerMachine.ImageProfile = "plain" }, kind},
	}
}

// patches are that of the variant, and one for each feature that changes something in it.
func (v variant) patches() ([]clusterv1.ClusterClassPatch, error) {
	plain, annotations, err := v.kubeadm(func(*config.Config) {})
	if err != nil {
		return nil, err
	}
	at := "/spec/template/spec"
	if v.kind == "KubeadmControlPlaneTemplate" {
		at += "/kubeadmConfigSpec"
	}
	whole, err := change(at, plain)
	if err != nil {
		return nil, err
	}
	changes := []clusterv1.JSONPatch{whole}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		annotation, err := change("/spec/template/metadata/annotations/"+strings.ReplaceAll(name, "/", "~1"), annotations[name])
		if err != nil {
			return nil, err
		}
		changes = append(changes, annotation)
	}
	patches := []clusterv1.ClusterClassPatch{v.patch(v.name, v.conditions, changes)}
	for _, f := range features() {
		patch, err := f.in(v, at)
		if err != nil {
			return nil, fmt.Errorf("with %s: %w", f.name, err)
		}
		if patch != nil {
			patches = append(patches, *patch)
		}
	}
	return patches, nil
}

func (v variant) patch(name string, conditions []string, changes []clusterv1.JSONPatch) clusterv1.ClusterClassPatch {
	selector := clusterv1.PatchSelector{APIVersion: bootstrapv1.GroupVersion.String(), Kind: v.kind, MatchResources: matchWorkers()}
	if v.kind == "KubeadmControlPlaneTemplate" {
		selector.APIVersion, selector.MatchResources = controlplanev1.GroupVersion.String(), matchControlPlane()
	}
	enabled := "{{ " + conditions[0] + " }}"
	if len(conditions) > 1 {
		enabled = "{{ and " + strings.Join(conditions, " ") + " }}"
	}
	return clusterv1.ClusterClassPatch{
		Name: name, EnabledIf: enabled, Definitions: []clusterv1.PatchDefinition{{Selector: selector, JSONPatches: changes}},
	}
}

// kubeadm is what ocne makes for such a cluster.
func (v variant) kubeadm(feature func(*config.Config)) (spec map[string]any, annotations map[string]string, err error) {
	c := clusterConfig()
	c.VirtualIP, c.APIServerPortAlt = virtualIPToken, apiServerPort
	v.set(c)
	feature(c)
	objects, err := c.Objects()
	if err != nil {
		return nil, nil, err
	}
	for _, object := range objects {
		var found any
		switch o := object.(type) {
		case *controlplanev1.KubeadmControlPlane:
			found, annotations = o.Spec.KubeadmConfigSpec, o.Annotations
		case *bootstrapv1.KubeadmConfigTemplate:
			found = o.Spec.Template.Spec
		}
		if found == nil || object.GetObjectKind().GroupVersionKind().Kind != strings.Replace(v.kind, "ControlPlaneTemplate", "ControlPlane", 1) {
			continue
		}
		content, err := json.Marshal(found)
		if err != nil {
			return nil, nil, err
		}
		return spec, annotations, json.Unmarshal(content, &spec)
	}
	return nil, nil, fmt.Errorf("ocne makes no %s", v.kind)
}

// change sets the value at a path, as a template where variables are in it.
func change(path string, value any) (clusterv1.JSONPatch, error) {
	c := clusterv1.JSONPatch{Op: "add", Path: path}
	text, err := yaml.Marshal(value)
	if err != nil {
		return c, fmt.Errorf("write %s: %w", path, err)
	}
	if template := asTemplate(string(text)); template != string(text) {
		c.ValueFrom = &clusterv1.JSONPatchValue{Template: template}
		return c, nil
	}
	content, err := yaml.YAMLToJSON(text)
	c.Value = &apiextensionsv1.JSON{Raw: content}
	return c, err
}

// differences are the changes that make one document another; lists are replaced as a whole. A feature that takes something away cannot be put
// on another.
func differences(at string, from, to map[string]any) ([]clusterv1.JSONPatch, error) {
	for name := range from {
		if _, kept := to[name]; !kept {
			return nil, fmt.Errorf("%s/%s goes", at, name)
		}
	}
	var changes []clusterv1.JSONPatch
	for _, name := range slices.Sorted(maps.Keys(to)) {
		path, before, after := at+"/"+name, from[name], to[name]
		if reflect.DeepEqual(before, after) {
			continue
		}
		inner, isMap := before.(map[string]any)
		outer, stays := after.(map[string]any)
		if !isMap || !stays {
			one, err := change(path, after)
			if err != nil {
				return nil, err
			}
			changes = append(changes, one)
			continue
		}
		deeper, err := differences(path, inner, outer)
		if err != nil {
			return nil, err
		}
		changes = append(changes, deeper...)
	}
	return changes, nil
}
