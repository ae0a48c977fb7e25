package install

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/config/crd"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/capi/manifests"
)

// Labels by which Cluster API and clusterctl find things:
// https://cluster-api.sigs.k8s.io/developer/providers/contracts/overview and .../clusterctl.
const (
	contractLabelPrefix = "cluster.x-k8s.io/"
	providerLabel       = "cluster.x-k8s.io/provider"
	clusterctlLabel     = "clusterctl.cluster.x-k8s.io"
	clusterctlCoreLabel = "clusterctl.cluster.x-k8s.io/core"
	inventoryValue      = "inventory"
)

// provider is an entry of clusterctl's inventory, and the folder of manifests that belongs to it.
type provider struct {
	folder, label, name, kind string
}

func clusterAPIProviders() []provider {
	return []provider{
		{folder: "core", label: "cluster-api", name: "cluster-api", kind: "CoreProvider"},
		{folder: "bootstrap", label: "bootstrap-kubeadm", name: "kubeadm", kind: "BootstrapProvider"},
		{folder: "control-plane", label: "control-plane-kubeadm", name: "kubeadm", kind: "ControlPlaneProvider"},
	}
}

func olvmProvider() provider {
	return provider{label: "infrastructure-olvm", name: "olvm", kind: "InfrastructureProvider"}
}

// objects are everything to install, in the three groups that have to be installed in this order.
type objects struct {
	crds, webhooks, inventory []*unstructured.Unstructured
}

// render reads the embedded manifests and adds what kustomize adds to a release of Cluster API: labels, names, conversion; and the
// address of the webhooks.
func render(target WebhookTarget, providers capi.Providers, version string) (objects, error) {
	var all objects
	clusterAPIVersion, err := manifests.Version()
	if err != nil {
		return objects{}, err
	}
	for _, p := range clusterAPIProviders() {
		documents, err := read(manifests.Files(), p.folder+"/*.yaml")
		if err != nil {
			return objects{}, err
		}
		for _, object := range documents {
			if object.GetKind() == "CustomResourceDefinition" {
				all.crds = append(all.crds, object)
				err = completeCRD(object, p, target)
			} else {
				all.webhooks = append(all.webhooks, object)
				err = completeWebhooks(object, p, target)
			}
			if err != nil {
				return objects{}, fmt.Errorf("%s %s of provider %s: %w", object.GetKind(), object.GetName(), p.label, err)
			}
		}
		all.inventory = append(all.inventory, inventoryEntry(p, clusterAPIVersion))
	}
	if providers.HasOLVM() {
		own, err := read(crd.Files(), "*.yaml")
		if err != nil {
			return objects{}, err
		}
		all.crds = append(all.crds, own...)
		all.inventory = append(all.inventory, inventoryEntry(olvmProvider(), version))
	}
	clusterctl, err := read(manifests.Files(), "clusterctl/*.yaml")
	if err != nil {
		return objects{}, err
	}
	for _, object := range clusterctl {
		setLabels(object, map[string]string{clusterctlLabel: "", clusterctlCoreLabel: inventoryValue})
	}
	all.crds = append(all.crds, clusterctl...)
	for _, group := range [][]*unstructured.Unstructured{all.crds, all.webhooks, all.inventory} {
		for _, object := range group {
			setLabels(object, map[string]string{capi.ManagedByLabel: capi.ManagedBy})
		}
	}
	return all, nil
}

// read returns the documents of the files that match, in the order of their names.
func read(files fs.FS, pattern string) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, err
	}
	var documents []*unstructured.Unstructured
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, &object.Object); err != nil {
				return nil, fmt.Errorf("embedded manifest %s: %w", path.Base(name), err)
			}
			documents = append(documents, object)
		}
	}
	return documents, nil
}

// completeCRD adds the contract labels, and the conversion between versions when there is more than one.
func completeCRD(object *unstructured.Unstructured, p provider, target WebhookTarget) error {
	versions, _, err := unstructured.NestedSlice(object.Object, "spec", "versions")
	if err != nil {
		return err
	}
	labels := map[string]string{providerLabel: p.label, clusterctlLabel: ""}
	for _, v := range versions {
		version, _ := v.(map[string]any)
		// Cluster API's versions are called like the contracts that they implement. There is no contract before v1beta1.
		if name, _ := version["name"].(string); name == "v1beta1" || name == "v1beta2" {
			labels[contractLabelPrefix+name] = name
		}
	}
	setLabels(object, labels)
	if len(versions) < 2 {
		return nil
	}
	return unstructured.SetNestedMap(object.Object, map[string]any{
		"strategy": "Webhook",
		"webhook": map[string]any{
			"conversionReviewVersions": []any{"v1"},
			"clientConfig":             target.clientConfig("/convert"),
		},
	}, "spec", "conversion")
}

// completeWebhooks points every webhook of a configuration at the target and names the configuration after its provider.
func completeWebhooks(object *unstructured.Unstructured, p provider, target WebhookTarget) error {
	webhooks, _, err := unstructured.NestedSlice(object.Object, "webhooks")
	if err != nil {
		return err
	}
	for _, w := range webhooks {
		webhook, _ := w.(map[string]any)
		endpoint, found, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil || !found {
			return fmt.Errorf("webhook %v has no path: %w", webhook["name"], err)
		}
		webhook["clientConfig"] = target.clientConfig(endpoint)
	}
	object.SetName("ocne-" + p.folder)
	setLabels(object, map[string]string{providerLabel: p.label, clusterctlLabel: ""})
	return unstructured.SetNestedSlice(object.Object, webhooks, "webhooks")
}

// clientConfig is the clientConfig of a webhook at the given path.
func (t WebhookTarget) clientConfig(endpoint string) map[string]any {
	config := map[string]any{"caBundle": base64.StdEncoding.EncodeToString(t.CABundle)}
	if t.Service.Name == "" {
		config["url"] = t.URL + endpoint
	} else {
		config["service"] = map[string]any{"namespace": t.Service.Namespace, "name": t.Service.Name, "path": endpoint, "port": int64(443)}
	}
	return config
}

// inventoryEntry is the object by which clusterctl knows that a provider is installed; without it, clusterctl move finds nothing.
func inventoryEntry(p provider, version string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion":   "clusterctl.cluster.x-k8s.io/v1alpha3",
		"kind":         "Provider",
		"providerName": p.name,
		"type":         p.kind,
		"version":      version,
	}}
	object.SetNamespace(capi.Namespace)
	object.SetName(p.label)
	setLabels(object, map[string]string{providerLabel: p.label, clusterctlLabel: "", clusterctlCoreLabel: inventoryValue})
	return object
}

// setLabels adds labels to those that the object has.
func setLabels(object *unstructured.Unstructured, add map[string]string) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	for key, value := range add {
		labels[key] = value
	}
	object.SetLabels(labels)
}
