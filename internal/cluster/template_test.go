package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/capi/manifests"
	"github.com/ocne-project/ocne/internal/config"
)

// documented is a configuration of the documentation.
func documented(t *testing.T, file string) *config.Config {
	t.Helper()
	c, _, err := config.Load(config.Options{ClusterFile: filepath.Join("..", "config", "testdata", file), HomeDir: t.TempDir()})
	require.NoError(t, err)
	return c
}

func TestATemplateIsWhatStartAppliesButForTheCredentials(t *testing.T) {
	c := documented(t, "all.yaml")
	content, err := Template(c)
	require.NoError(t, err)
	var names []string
	for _, obj := range decode(t, content) {
		names = append(names, obj.GetObjectKind().GroupVersionKind().Kind+" "+client.ObjectKeyFromObject(obj).String())
	}
	require.Equal(t, []string{
		"Namespace /olvm", "Namespace /olvm-secrets", "Secret olvm-secrets/olvm-creds", "ConfigMap olvm-secrets/olvm-ca",
		"Cluster olvm/demo", "OLVMCluster olvm/demo", "KubeadmControlPlane olvm/demo-control-plane",
		"OLVMMachineTemplate olvm/demo-control-plane", "KubeadmConfigTemplate olvm/demo-md-0", "OLVMMachineTemplate olvm/demo-md-0",
		"MachineDeployment olvm/demo-md-0", "MachineHealthCheck olvm/demo-control-plane", "MachineHealthCheck olvm/demo-md-0",
	}, names)

	objects, err := c.Objects()
	require.NoError(t, err)
	for i, want := range objects {
		require.Equal(t, want, decode(t, content)[4+i], "%s", names[4+i])
	}
}

func TestATemplateHasPlacesForTheCredentials(t *testing.T) {
	c := documented(t, "required.yaml")
	content, err := Template(c)
	require.NoError(t, err)
	for _, obj := range decode(t, content) {
		secret, ok := obj.(*corev1.Secret)
		if !ok {
			continue
		}
		require.False(t, isOurs(secret), "start leaves a Secret that somebody else filled in as it is")
		require.Empty(t, secret.Data)
		require.Equal(t, map[string]string{"username": "USER@PROFILE", "password": "PASSWORD"}, secret.StringData)
		return
	}
	require.Fail(t, "there is no Secret")
}

func TestEveryObjectOfATemplateIsAcceptedByItsDefinition(t *testing.T) {
	definitions := definitions(t)
	for _, file := range []string{"required.yaml", "all.yaml", "dualstack.yaml"} {
		t.Run(file, func(t *testing.T) {
			content, err := Template(documented(t, file))
			require.NoError(t, err)
			checked := 0
			for _, document := range split(t, content) {
				obj := &unstructured.Unstructured{}
				raw, err := yaml.YAMLToJSON(document)
				require.NoError(t, err)
				require.NoError(t, obj.UnmarshalJSON(raw)) // as the API server does: whole numbers stay whole
				if definition, ok := definitions[obj.GroupVersionKind()]; ok {
					requireAccepted(t, definition, obj)
					checked++
				}
			}
			require.Equal(t, 9, checked)
		})
	}
}

func TestAnInvalidConfigurationGivesNoTemplate(t *testing.T) {
	c := documented(t, "required.yaml")
	c.ControlPlaneNodes = 2
	content, err := Template(c)
	var invalid *config.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Empty(t, content)
}

func split(t *testing.T, content []byte) [][]byte {
	t.Helper()
	var documents [][]byte
	reader := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents
		}
		require.NoError(t, err)
		if values := map[string]any{}; yaml.Unmarshal(document, &values) != nil || len(values) > 0 { // not only the comment at the top
			documents = append(documents, document)
		}
	}
}

// decode refuses fields that a kind does not have.
func decode(t *testing.T, content []byte) []client.Object {
	t.Helper()
	decoder := serializer.NewCodecFactory(capi.NewScheme(), serializer.EnableStrict).UniversalDeserializer()
	var objects []client.Object
	for _, document := range split(t, content) {
		decoded, _, err := decoder.Decode(document, nil, nil)
		require.NoError(t, err, "%s", document)
		obj, ok := decoded.(client.Object)
		require.True(t, ok)
		objects = append(objects, obj)
	}
	return objects
}

// definitions are the schemas of the embedded Cluster API and of our own kinds.
func definitions(t *testing.T) map[schema.GroupVersionKind]*apiextensions.JSONSchemaProps {
	t.Helper()
	schemas := map[schema.GroupVersionKind]*apiextensions.JSONSchemaProps{}
	for pattern, files := range map[string]fs.FS{"*/*.yaml": manifests.Files(), "*.yaml": os.DirFS("../../config/crd")} {
		names, err := fs.Glob(files, pattern)
		require.NoError(t, err)
		for _, name := range names {
			content, err := fs.ReadFile(files, name)
			require.NoError(t, err)
			for _, document := range split(t, content) {
				crd := &apiextensionsv1.CustomResourceDefinition{}
				require.NoError(t, yaml.Unmarshal(document, crd))
				for _, v := range crd.Spec.Versions {
					props := &apiextensions.JSONSchemaProps{}
					require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, props, nil))
					schemas[schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: crd.Spec.Names.Kind}] = props
				}
			}
		}
	}
	return schemas
}

func requireAccepted(t *testing.T, definition *apiextensions.JSONSchemaProps, obj *unstructured.Unstructured) {
	t.Helper()
	validator, _, err := validation.NewSchemaValidator(definition)
	require.NoError(t, err)
	require.Empty(t, validation.ValidateCustomResource(nil, obj.Object, validator), "%s %s", obj.GetKind(), obj.GetName())
	structural, err := structuralschema.NewStructural(definition)
	require.NoError(t, err)
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	if rules == nil {
		return // the kind has no rules
	}
	problems, _ := rules.Validate(t.Context(), nil, structural, obj.Object, nil, celconfig.RuntimeCELCostBudget)
	require.Empty(t, problems, "%s %s", obj.GetKind(), obj.GetName())
}
