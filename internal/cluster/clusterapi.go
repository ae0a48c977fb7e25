package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// ignitionGate is the feature gate of Cluster API's kubeadm bootstrap provider without which it makes no Ignition, and ignitionVariable
// the variable that clusterctl sets it from.
const (
	ignitionGate     = "KubeadmBootstrapFormatIgnition"
	ignitionVariable = "EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION"
)

// oldestClusterAPI is the first release that serves the version v1beta2 of its kinds.
const oldestClusterAPI = "v1.11"

// restMapper knows the kinds that ocne uses without asking the API server: discovery by client-go ignores the context, so that an
// interrupt would wait for a management cluster that does not answer.
func restMapper(scheme *runtime.Scheme) meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	for _, kind := range []string{"Secret", "ConfigMap", "Event"} {
		mapper.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	for _, version := range []schema.GroupVersion{
		clusterv1.GroupVersion, bootstrapv1.GroupVersion, controlplanev1.GroupVersion, ipamv1.GroupVersion, infrav1.GroupVersion(),
	} {
		for kind := range scheme.KnownTypes(version) {
			mapper.Add(version.WithKind(kind), meta.RESTScopeNamespace)
		}
	}
	mapper.Add(providerInventory(), meta.RESTScopeNamespace)
	mapper.Add(inClusterPool(), meta.RESTScopeNamespace)
	return mapper
}

// providerInventory is the kind by which clusterctl knows what is installed.
func providerInventory() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "clusterctl.cluster.x-k8s.io", Version: "v1alpha3", Kind: "Provider"}
}

// neededResource is one resource without which nothing can be managed.
type neededResource struct {
	version schema.GroupVersion
	plural  string
}

func neededResources() []neededResource {
	return []neededResource{
		{clusterv1.GroupVersion, "clusters"},
		{bootstrapv1.GroupVersion, "kubeadmconfigs"},
		{controlplanev1.GroupVersion, "kubeadmcontrolplanes"},
		{infrav1.GroupVersion(), "olvmclusters"},
	}
}

// checkProviders looks for the resources that every operation needs, so that a kubeconfig of some other cluster, or one with an old
// Cluster API, is told apart at once.
func (o ManagementOptions) checkProviders(ctx context.Context, restConfig *rest.Config, description string) error {
	api, err := rest.UnversionedRESTClientFor(withoutCodec(callsOfOcne(restConfig)))
	if err != nil {
		return fmt.Errorf("management cluster %s: %w", description, err)
	}
	var missing []string
	for _, needed := range neededResources() {
		served, others, err := served(ctx, api, needed)
		switch {
		case err != nil:
			return o.noAnswer(ctx, err, description)
		case !served && len(others) > 0 && needed.version.Group == clusterv1.GroupVersion.Group:
			return tooOld(ctx, api, description, others)
		case !served:
			missing = append(missing, fmt.Sprintf("%s.%s (version %s)", needed.plural, needed.version.Group, needed.version.Version))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &AdvisedError{
		Err: fmt.Errorf("%s is not a management cluster: it lacks the custom resource definitions %s",
			description, strings.Join(missing, ", ")),
		Advice: "Name another cluster with --kubeconfig, install Cluster API and the OLVM provider there (clusterctl init),\n" +
			"or leave the kubeconfig away to use the embedded management cluster." + o.unsetHint(),
	}
}

func (o ManagementOptions) noAnswer(ctx context.Context, err error, description string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	what := "does not answer"
	if apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
		what = "refuses the kubeconfig's user"
	}
	return &AdvisedError{
		Err:    fmt.Errorf("management cluster %s %s: %w", description, what, err),
		Advice: "Check the kubeconfig, or leave it away to use the embedded management cluster." + o.unsetHint(),
	}
}

// withoutCodec is for replies that are read as plain JSON.
func withoutCodec(c *rest.Config) *rest.Config {
	c.NegotiatedSerializer = runtime.NewSimpleNegotiatedSerializer(runtime.SerializerInfo{})
	c.APIPath = "/"
	return c
}

// served says whether the API server serves a resource; if not, which other versions it serves of the group.
func served(ctx context.Context, api rest.Interface, needed neededResource) (served bool, others []string, err error) {
	var resources metav1.APIResourceList
	found, err := getJSON(ctx, api, "/apis/"+needed.version.String(), &resources)
	if err != nil || found {
		return slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Name == needed.plural }), nil, err
	}
	var group metav1.APIGroup
	if _, err = getJSON(ctx, api, "/apis/"+needed.version.Group, &group); err != nil {
		return false, nil, err
	}
	for _, v := range group.Versions {
		others = append(others, v.Version)
	}
	return false, others, nil
}

// getJSON is false when there is nothing at the path.
func getJSON(ctx context.Context, api rest.Interface, path string, into any) (found bool, err error) {
	body, err := api.Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return false, fmt.Errorf("the reply is not that of a Kubernetes API: %w", err)
	}
	return true, nil
}

func tooOld(ctx context.Context, api rest.Interface, description string, versions []string) error {
	what := "Cluster API"
	if release := installedRelease(ctx, api); release != "" {
		what += " " + release
	}
	slices.Sort(versions)
	return &AdvisedError{
		Err: fmt.Errorf("management cluster %s: %s is too old: it serves %s in the versions %s, and ocne needs %s (Cluster API %s or newer)",
			description, what, clusterv1.GroupVersion.Group, strings.Join(versions, ", "), clusterv1.GroupVersion.Version, oldestClusterAPI),
		Advice: "Upgrade it with that cluster's kubeconfig:\n  clusterctl upgrade apply --contract v1beta2\n" +
			"or leave the kubeconfig away to use the embedded management cluster.",
	}
}

// installedRelease is what clusterctl's inventory says of Cluster API itself; empty when it cannot be read.
func installedRelease(ctx context.Context, api rest.Interface) string {
	for _, p := range inventory(ctx, api) {
		if p.Type == "CoreProvider" {
			return p.Version
		}
	}
	return ""
}

// installedProvider is one entry of clusterctl's inventory.
type installedProvider struct{ Type, ProviderName, Version string }

// inventory is clusterctl's, as far as it can be read.
func inventory(ctx context.Context, api rest.Interface) []installedProvider {
	var list struct{ Items []installedProvider }
	if _, err := getJSON(ctx, api, "/apis/"+providerInventory().GroupVersion().String()+"/providers", &list); err != nil {
		return nil
	}
	return list.Items
}

// checkIgnition asks a management cluster that is not ours, without storing anything, whether it makes boot documents in the format
// that the nodes read.
func (m *Management) checkIgnition(ctx context.Context, namespace string) error {
	if m.embedded != nil {
		return nil
	}
	var err error
	for _, name := range []string{namespace, metav1.NamespaceDefault} { // the cluster's own may not be there yet
		probe := &bootstrapv1.KubeadmConfig{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, GenerateName: "ocne-ignition-"},
			Spec:       bootstrapv1.KubeadmConfigSpec{Format: bootstrapv1.Ignition},
		}
		if err = m.Client.Create(ctx, probe, client.DryRunAll); !apierrors.IsNotFound(err) {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !refusesFormat(err):
		return nil // whoever may not ask will be told when the objects are applied
	}
	return &AdvisedError{
		Err: fmt.Errorf("management cluster %s: Cluster API's feature gate %s is off, and the nodes boot with Ignition: %w",
			m.Description, ignitionGate, err),
		Advice: fmt.Sprintf("Add %s=true to the argument --feature-gates of the kubeadm bootstrap and control plane providers.\n"+
			"Where clusterctl installs or upgrades them, set the variable %s=true for it.\nNothing was changed.",
			ignitionGate, ignitionVariable),
	}
}

// refusesFormat reads which field the admission webhook refused.
func refusesFormat(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool { return c.Field == "spec.format" })
}
