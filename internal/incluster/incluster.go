// Package incluster is the controllers of ocne, all providers in one process, as a Deployment of the cluster that they manage: the objects
// that run it, the container image in ConfigMaps, and what control plane nodes need to take the image from there. It does no I/O but
// reading the image.
package incluster

import (
	"embed"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/manifest"
)

const (
	// Namespace holds everything of the package.
	Namespace = capi.Namespace
	// Name is that of the Deployment, its Service and its ServiceAccount.
	Name = "ocne-manager"
)

//go:embed manager.yaml take-image.sh take-image.service take-image.timer
var files embed.FS

// Controllers are the objects that run the controllers from an image that the control plane nodes have, in the order to apply them.
func Controllers(image string) ([]client.Object, error) {
	values := struct{ Namespace, Name, Image, Providers string }{Namespace, Name, image, string(capi.Bundle)}
	all, err := manifest.Objects(files, "manager.yaml", values)
	if err != nil {
		return nil, fmt.Errorf("controllers in the cluster: %w", err)
	}
	objects := make([]client.Object, 0, len(all))
	for _, object := range all {
		objects = append(objects, ours(object))
	}
	return objects, nil
}

// ours lets ocne know its own objects again.
func ours(object client.Object) client.Object {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[capi.ManagedByLabel] = capi.ManagedBy
	object.SetLabels(labels)
	return object
}
