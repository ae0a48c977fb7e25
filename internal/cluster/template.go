package cluster

import (
	"bytes"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/config"
)

const templateHeader = `# Cluster %s, as 'ocne cluster start' applies it. To apply it yourself, to a management cluster with Cluster API and the OLVM provider:
# write the engine's account into the Secret below, then run
#   kubectl apply -f FILE
# To remove the cluster, delete the Cluster object alone and wait; everything else follows:
#   kubectl -n %[2]s delete cluster %[1]s
`

const placeholderComment = `# The engine's account. Write its user, such as admin@internal, and its password in the place of the two placeholders, and keep the file
# to yourself then; or, if the Secret exists already, remove it from this file.
`

// Template returns the objects that Create applies for a configuration, as YAML, in their order. In the place of the engine's
// credentials, which are not even read, it has placeholders. The error is a *config.ValidationError when the configuration is not valid.
func Template(c *config.Config) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	ca, err := c.CAConfigMap()
	if err != nil {
		return nil, err
	}
	objects, err := c.Objects()
	if err != nil {
		return nil, err
	}
	secret := placeholders(c)
	beside := []client.Object{secret}
	if ca != nil {
		beside = append(beside, ca)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, templateHeader, c.Name, c.Namespace)
	scheme := capi.NewScheme()
	for _, obj := range slices.Concat(namespaces(c.Namespace, beside), beside, objects) {
		u, err := stated(obj, scheme)
		if err != nil {
			return nil, err
		}
		content, err := yaml.Marshal(u.Object)
		if err != nil {
			return nil, fmt.Errorf("write %s %s: %w", u.GetKind(), u.GetName(), err)
		}
		out.WriteString("---\n")
		if obj == client.Object(secret) {
			out.WriteString(placeholderComment)
		}
		out.Write(content)
	}
	return out.Bytes(), nil
}

// placeholders is the credentials Secret to be filled in.
func placeholders(c *config.Config) *corev1.Secret {
	secret := c.CredentialsSecret(config.Credentials{})
	secret.Data = nil
	secret.StringData = map[string]string{"username": "USER@PROFILE", "password": "PASSWORD"}
	return secret
}

// namespaces are those of the cluster and of the objects beside it, but for the one that every Kubernetes has.
func namespaces(ofCluster string, beside []client.Object) []client.Object {
	names := []string{ofCluster}
	for _, obj := range beside {
		names = append(names, obj.GetNamespace())
	}
	slices.Sort(names)
	var objects []client.Object
	for _, name := range slices.Compact(names) {
		if name != metav1.NamespaceDefault {
			objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		}
	}
	return objects
}
