package scripts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/test/programs"
)

// kubernetes is a running API server, seen by its administrator.
type kubernetes struct {
	kubeconfig string
	client     client.Client
	before     []string
}

func startManagement(ts *testscript.TestScript, args []string) error {
	if len(args) > 1 {
		return errors.New("usage: management [GATES]")
	}
	if err := startAPIServer(ts, nil); err != nil {
		return err
	}
	w, gates := worldOf(ts), "ReconcilerRateLimiting=false"
	for _, more := range args {
		gates += "," + more
	}
	var ready struct{ HealthURL string }
	programs.Start(w.t, &ready, nil, programs.Path(w.t, "ocne-manager"), "--kubeconfig", w.management.kubeconfig,
		"--providers", string(capi.Bundle), "--install", "--feature-gates", gates)
	return w.management.remember()
}

func startAPIServer(ts *testscript.TestScript, files []string) error {
	w := worldOf(ts)
	if w.management != nil {
		return errors.New("usage: apiserver [FILE ...], once")
	}
	kubeconfig := programs.StartControlPlane(w.t)
	w.management = &kubernetes{kubeconfig: kubeconfig, client: programs.Management(w.t, kubeconfig)}
	ts.Setenv("MANAGEMENT", kubeconfig)
	for _, name := range files {
		if err := w.management.create(ts.MkAbs(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return w.management.remember()
}

// create makes every object of a file. A kind whose definition comes just before is served a moment later.
func (k *kubernetes) create(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		obj := &unstructured.Unstructured{}
		switch err := decoder.Decode(obj); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if err = k.client.Create(context.Background(), obj); err == nil {
				break
			}
			if !meta.IsNoMatchError(err) || time.Now().After(deadline) {
				return err
			}
		}
	}
}

// names are the objects that a start would make first.
func (k *kubernetes) names() ([]string, error) {
	var names []string
	for _, list := range []client.ObjectList{&corev1.NamespaceList{}, &corev1.SecretList{}, &clusterv1.ClusterList{}} {
		err := k.client.List(context.Background(), list)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			obj := item.(client.Object)
			names = append(names, fmt.Sprintf("%T %s/%s", obj, obj.GetNamespace(), obj.GetName()))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (k *kubernetes) remember() (err error) {
	k.before, err = k.names()
	return err
}

func (k *kubernetes) unchanged() error {
	now, err := k.names()
	if err == nil && !slices.Equal(k.before, now) {
		err = fmt.Errorf("the management cluster held\n%s\nand now holds\n%s", k.before, now)
	}
	return err
}
