package guest

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilsets "k8s.io/apimachinery/pkg/util/sets"
	cloudv1 "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/cloud/api/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// etcdMembers returns the pods that stand for the members of the etcd cluster: Cluster API's in-memory etcd keeps
// its membership in their annotations.
func (c *cluster) etcdMembers(ctx context.Context) ([]corev1.Pod, error) {
	pods := &corev1.PodList{}
	labels := client.MatchingLabels{"component": "etcd", "tier": "control-plane"}
	if err := c.store.List(ctx, pods, client.InNamespace(kubeSystem), labels); err != nil {
		return nil, err
	}
	members := pods.Items[:0]
	for _, p := range pods.Items {
		if !removedMember(&p) {
			members = append(members, p)
		}
	}
	return members, nil
}

func removedMember(p *corev1.Pod) bool {
	_, removed := p.Annotations[cloudv1.EtcdMemberRemoved]
	return removed
}

// addEtcdMember gives a pod its place in the etcd cluster. Ids are decimal and share the cluster's id.
func (c *cluster) addEtcdMember(ctx context.Context, p *corev1.Pod) error {
	members, err := c.etcdMembers(ctx)
	if err != nil {
		return err
	}
	clusterID, used := strconv.Itoa(1+rand.IntN(1<<30)), utilsets.New[string]()
	for _, m := range members {
		clusterID = m.Annotations[cloudv1.EtcdClusterIDAnnotationName]
		used.Insert(m.Annotations[cloudv1.EtcdMemberIDAnnotationName])
	}
	id := strconv.Itoa(1 + rand.IntN(1<<30))
	for used.Has(id) {
		id = strconv.Itoa(1 + rand.IntN(1<<30))
	}
	p.Annotations[cloudv1.EtcdClusterIDAnnotationName], p.Annotations[cloudv1.EtcdMemberIDAnnotationName] = clusterID, id
	if len(members) == 0 {
		p.Annotations[cloudv1.EtcdLeaderFromAnnotationName] = leaderFrom()
	}
	return nil
}

// leaderFrom dates a leadership. The newest one counts, with a resolution of a second: a minute back, so that a later
// MoveLeader of Cluster API always wins.
func leaderFrom() string { return time.Now().Add(-time.Minute).Format(time.RFC3339) }

// electLeader lets the first running member lead when the leader does not run. Without a leader, every call to the
// in-memory etcd fails.
func (c *cluster) electLeader(ctx context.Context) error {
	members, err := c.etcdMembers(ctx)
	if err != nil {
		return err
	}
	var leader, candidate *corev1.Pod
	var since time.Time
	for i := range members {
		p := &members[i]
		if t, err := time.Parse(time.RFC3339, p.Annotations[cloudv1.EtcdLeaderFromAnnotationName]); err == nil && t.After(since) {
			leader, since = p, t
		}
		if candidate == nil && c.runs(p.Name) {
			candidate = p
		}
	}
	if candidate == nil || (leader != nil && c.runs(leader.Name)) {
		return nil
	}
	for i := range members {
		p := &members[i]
		err := c.modifyPod(ctx, p.Name, func(o *corev1.Pod) {
			delete(o.Annotations, cloudv1.EtcdLeaderFromAnnotationName)
			if p == candidate {
				metav1.SetMetaDataAnnotation(&o.ObjectMeta, cloudv1.EtcdLeaderFromAnnotationName, leaderFrom())
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
