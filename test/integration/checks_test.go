package integration

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

// creations counts the requests that asked for a VM.
func (w *world) creations() int {
	n := 0
	for _, r := range w.sim.Requests(w.t) {
		if r.Method == http.MethodPost && r.Path == "vms" {
			n++
		}
	}
	return n
}

// expectRequestBudget prints what each machine cost the engine, and fails above the budget. Lists are shared by all machines and
// counted apart.
func (w *world) expectRequestBudget(most int) {
	w.t.Helper()
	perVM, shared := map[string]int{}, 0
	for _, r := range w.sim.Requests(w.t) {
		if r.VMID == "" {
			shared++
			continue
		}
		perVM[r.VMID]++
	}
	for name, vm := range w.vms() {
		w.t.Logf("requests to the engine for machine %s: %d", name, perVM[vm.ID])
		require.LessOrEqual(w.t, perVM[vm.ID], most, "machine %s", name)
		require.Positive(w.t, perVM[vm.ID], "machine %s is in the journal", name)
	}
	w.t.Logf("requests to the engine shared by all machines: %d", shared)
}

func (w *world) expectEmptyEngine() {
	w.t.Helper()
	require.Empty(w.t, w.vms(), "VMs")
	disks, err := w.engine.Disks(context.Background(), "")
	require.NoError(w.t, err)
	ofTemplates := w.templateDisks()
	for _, disk := range disks {
		require.Contains(w.t, ofTemplates, disk.ID, "disk %s: only those of templates are left", disk.Name)
	}
	require.Empty(w.t, w.affinityGroups(), "affinity groups of ours")
}

// templateDisks are the ids of the disks that VM templates have.
func (w *world) templateDisks() map[string]bool {
	w.t.Helper()
	dataCenter, err := w.engine.DataCenterByName(context.Background(), "Default")
	require.NoError(w.t, err)
	templates, err := w.engine.Templates(context.Background(), dataCenter.ID)
	require.NoError(w.t, err)
	ids := map[string]bool{}
	for _, t := range templates {
		disks, err := w.engine.TemplateDisks(context.Background(), t.ID)
		require.NoError(w.t, err)
		for _, d := range disks {
			ids[d.DiskID] = true
		}
	}
	return ids
}

// expectNoSecrets searches everything that the programs left behind or show: files, process arguments and objects.
func (w *world) expectNoSecrets(t *testing.T) {
	token := regexp.MustCompile(`[A-Za-z0-9_-]{86}`) // the engine's access tokens
	searchFiles := func(root string, skip ...string) {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || slices.Contains(skip, path) {
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(b), programs.Password, path)
			if strings.HasSuffix(path, ".log") {
				require.False(t, token.Match(b), "%s holds what looks like a token: %q", path, token.Find(b))
			}
			return nil
		})
		require.NoError(t, err)
	}
	searchFiles(w.home, filepath.Join(w.managementDir(), "controlplane", "etcd")) // where the Secret itself is
	searchFiles(w.sim.State)
	for _, file := range []string{w.sim.Log} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(b), programs.Password, file)
	}
	for _, arguments := range processesOf(t, "") {
		require.NotContains(t, arguments, programs.Password)
	}
	for _, vm := range w.vms() {
		require.NotContains(t, vm.Comment+vm.Description, programs.Password)
	}
	searchObjects(t, programs.Management(t, filepath.Join(w.managementDir(), "controlplane", "kubeconfig")))
}

// searchObjects reads every object of every kind that custom resource definitions define, and config maps and events.
func searchObjects(t *testing.T, c client.Client) {
	ctx := context.Background()
	kinds := []schema.GroupVersionKind{{Version: "v1", Kind: "ConfigMap"}, {Version: "v1", Kind: "Event"}}
	crds := &apiextensionsv1.CustomResourceDefinitionList{}
	require.NoError(t, c.List(ctx, crds))
	require.NotEmpty(t, crds.Items)
	for _, crd := range crds.Items {
		for _, v := range crd.Spec.Versions {
			if v.Served {
				kinds = append(kinds, schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: crd.Spec.Names.Kind})
			}
		}
	}
	seen := 0
	for _, kind := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		require.NoError(t, c.List(ctx, list), kind.String())
		b, err := list.MarshalJSON()
		require.NoError(t, err)
		require.False(t, bytes.Contains(b, []byte(programs.Password)), kind.String())
		seen += len(list.Items)
	}
	require.Greater(t, seen, len(crds.Items)/2, "objects were found to search")
	secrets := &metav1.PartialObjectMetadataList{}
	secrets.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "SecretList"})
	require.NoError(t, c.List(ctx, secrets))
	require.NotEmpty(t, secrets.Items, "the Secret is the only place")
}
