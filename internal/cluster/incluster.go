package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/incluster"
)

// controllersTimeout bounds the wait for the controllers in a cluster to run, and hostedTimeout that on a libvirt host, whose nodes may be emulated:
// one of those unpacks the controllers' image and installs their CRDs for minutes.
const (
	controllersTimeout = 10 * time.Minute
	hostedTimeout      = 40 * time.Minute
)

// controllersImages is the OCI layout beside the programs.
func (o ManagementOptions) controllersImages() string { return filepath.Join(o.Programs, "image") }

// controllers are those of a cluster that manages itself.
type controllers struct {
	cluster string
	images  string // OCI layout
	client  client.Client
	stays   string // sentence: what is left as it was when they do not come up
	timeout time.Duration
	report  progress.Reporter
}

// notRunningError says that controllers in a cluster did not come up.
type notRunningError struct {
	cluster, image, why string
	timeout             time.Duration
}

func (e *notRunningError) Error() string {
	return fmt.Sprintf("the controllers (image %s) do not run in cluster %s after %s: %s", e.image, e.cluster, e.timeout, e.why)
}

// install makes the cluster run the controllers of this release, and returns when they are ready. It may be repeated, and changes nothing then.
func (c controllers) install(ctx context.Context, architecture string) error {
	image, err := incluster.ReadImage(c.images, architecture)
	if err != nil {
		return err
	}
	if err := ensureNamespace(ctx, c.client, incluster.Namespace, c.report); err != nil {
		return err
	}
	if err := c.apply(ctx, image); err != nil {
		return err
	}
	if err := c.awaitReady(ctx, image); err != nil {
		return err
	}
	return c.removeOtherImages(ctx, image)
}

// apply leaves out parts of the image that are there: their names say what is in them.
func (c controllers) apply(ctx context.Context, image *incluster.Image) error {
	manager, err := incluster.Controllers(image.Reference)
	if err != nil {
		return err
	}
	c.report.Step(fmt.Sprintf("Controllers in cluster %s: image %s", c.cluster, image.Reference))
	var have corev1.ConfigMapList
	if err := c.client.List(ctx, &have, client.InNamespace(incluster.Namespace), client.MatchingLabels(image.Labels())); err != nil {
		return fmt.Errorf("list the parts of image %s: %w", image.Reference, err)
	}
	parts := slices.DeleteFunc(image.Parts(), func(p client.Object) bool {
		return slices.ContainsFunc(have.Items, func(h corev1.ConfigMap) bool { return h.Name == p.GetName() && len(h.BinaryData) > 0 })
	})
	for _, object := range slices.Concat(parts, image.Index(), manager) {
		if err := apply(ctx, c.client, object); err != nil {
			return err
		}
	}
	return nil
}

// awaitReady waits until the one Pod of the Deployment is ready: its CRDs are served and its webhooks answer.
func (c controllers) awaitReady(ctx context.Context, image *incluster.Image) error {
	const title = "Controllers in the cluster"
	defer c.report.Close()
	deadline := time.Now().Add(c.timeout)
	for {
		d := &appsv1.Deployment{}
		err := c.client.Get(ctx, client.ObjectKey{Namespace: incluster.Namespace, Name: incluster.Name}, d)
		if err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 1 && d.Status.ReadyReplicas == 1 && d.Status.Replicas == 1 {
			c.report.Step("The controllers run in cluster " + c.cluster)
			return nil
		}
		item := progress.Item{Name: "controllers", State: "starting", Detail: c.why(ctx, err)}
		c.report.Show(title, []progress.Item{item})
		if time.Now().After(deadline) {
			return c.notRunning(image.Reference, cmp.Or(item.Detail, item.State))
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%w while the controllers (image %s) came up in cluster %s: %s", err, image.Reference, c.cluster, cmp.Or(item.Detail, item.State))
		}
	}
}

func (c controllers) notRunning(image, why string) error {
	return &AdvisedError{
		Err: &notRunningError{cluster: c.cluster, image: image, why: why, timeout: c.timeout},
		Advice: fmt.Sprintf("%s Look at the Pod: kubectl -n %s describe pods\n"+
			"On a control plane node, 'journalctl -u ocne-controllers-image' tells of the image. Then run the same command again.", c.stays, incluster.Namespace),
	}
}

// why is what a Pod of the controllers waits for.
func (c controllers) why(ctx context.Context, err error) string {
	var pods corev1.PodList
	if err == nil {
		err = c.client.List(ctx, &pods, client.InNamespace(incluster.Namespace), client.MatchingLabels{"app.kubernetes.io/name": incluster.Name})
	}
	if err != nil {
		return err.Error()
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		for _, s := range p.Status.ContainerStatuses {
			switch w, t := s.State.Waiting, s.State.Terminated; {
			case w != nil && w.Reason == "ErrImageNeverPull":
				return "node " + p.Spec.NodeName + " does not have the image yet"
			case w != nil && w.Message != "":
				return w.Reason + ": " + w.Message
			case t != nil:
				return fmt.Sprintf("ended with exit code %d: %s", t.ExitCode, t.Reason)
			}
		}
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return condition.Message
			}
		}
	}
	return ""
}

func (c controllers) removeOtherImages(ctx context.Context, image *incluster.Image) error {
	selector, err := labels.Parse(image.OfOtherImages())
	if err != nil {
		return fmt.Errorf("select the parts of older images: %w", err)
	}
	var old corev1.ConfigMapList
	if err := c.client.List(ctx, &old, client.InNamespace(incluster.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return fmt.Errorf("list the parts of older images: %w", err)
	}
	for i := range old.Items {
		if err := c.client.Delete(ctx, &old.Items[i]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("remove a part of an older image: %w", err)
		}
	}
	return nil
}

// architecture of the control plane nodes, which is one.
func architecture(s *snapshot) (string, error) {
	for i := range s.nodes {
		if _, controlPlane := s.nodes[i].Labels[workload.RoleLabel+"control-plane"]; controlPlane {
			return s.nodes[i].Status.NodeInfo.Architecture, nil
		}
	}
	return "", errors.New("the cluster has no control plane node yet")
}
