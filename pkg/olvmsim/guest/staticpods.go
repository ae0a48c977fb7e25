package guest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const kubeSystem = metav1.NamespaceSystem

func staticComponents() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
}

// staticPods are the mirror pods of a control plane node. Cluster API reads their Ready conditions and finds etcd
// members and API servers by their names.
func (k kubelet) staticPods(config *clusterConfiguration) []*corev1.Pod {
	var out []*corev1.Pod
	for _, component := range staticComponents() {
		ref := config.image(component, config.KubernetesVersion, image{})
		if component == "etcd" {
			ref = config.image(component, "3.6.6-0", config.Etcd.Local)
		}
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: kubeSystem, Name: component + "-" + k.name, UID: newUID(),
				Labels: map[string]string{"component": component, "tier": "control-plane"},
				// A drain leaves mirror pods alone.
				Annotations: map[string]string{corev1.MirrorPodAnnotationKey: string(newUID())},
			},
			Spec: corev1.PodSpec{
				NodeName: k.name, HostNetwork: true, PriorityClassName: "system-node-critical",
				Containers: []corev1.Container{{Name: component, Image: ref}},
			},
			Status: corev1.PodStatus{
				Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: component, Image: ref}},
			},
		}
		for _, ip := range k.addresses {
			p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
			p.Status.HostIPs = append(p.Status.HostIPs, corev1.HostIP{IP: ip})
		}
		if len(k.addresses) > 0 {
			p.Status.PodIP, p.Status.HostIP = k.addresses[0], k.addresses[0]
		}
		setPodReady(p, true)
		out = append(out, p)
	}
	return out
}

func setPodReady(p *corev1.Pod, ready bool) {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	now := metav1.Now()
	p.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.PodReady, Status: status, LastTransitionTime: now},
	}
	for i := range p.Status.ContainerStatuses {
		s := &p.Status.ContainerStatuses[i]
		s.Ready, s.State = ready, corev1.ContainerState{}
		if ready {
			s.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
		}
	}
}
