package packages

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

const (
	// imageRepository is to be replaced by where the image was pushed to; clusterctl takes none without a host.
	imageRepository = "registry.example.com/ocne-project/ocne-manager"
	// user of the image; hack/image/oci.
	user = 65532
)

// argument of the manager: what clusterctl writes, where variables have defaults, and what the chart writes when that is another text.
// One that clusterctl does not write, because its variables cannot be empty, the chart writes when its value is not.
type argument struct{ clusterctl, chart string }

func arguments() []argument {
	return []argument{
		{clusterctl: "--leader-elect"},
		{clusterctl: "--leader-elect-namespace=$(POD_NAMESPACE)"},
		{clusterctl: fmt.Sprintf("--health-probe-bind-address=:%d", healthPort)},
		{clusterctl: fmt.Sprintf("--metrics-bind-address=:%d", metricsPort), chart: "--metrics-bind-address=:{{ .Values.metricsPort }}"},
		{clusterctl: "--metrics-secure"},
		{
			clusterctl: "--concurrency=${OLVM_CONCURRENCY:=20}",
			chart:      "--concurrency={{ .Values.controllerManager.concurrency }}",
		},
		{chart: "{{- with .Values.controllerManager.watchFilter }}\n- --watch-filter={{ . }}\n{{- end }}"},
		{clusterctl: "--v=${OLVM_LOG_LEVEL:=0}", chart: `--v={{ include "olvm-capi.verbosity" . }}`},
	}
}

func deployment(version string) runtime.Object {
	return &appsv1.Deployment{
		TypeMeta: typeMeta(appsv1.SchemeGroupVersion.String(), "Deployment"), ObjectMeta: meta(managerName),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1),
			Selector: &metav1.LabelSelector{MatchLabels: labels()},
			// The next manager waits for the Lease of the last one, so both may run for a moment.
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
				},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      labels(),
					Annotations: map[string]string{"kubectl.kubernetes.io/default-container": "manager"},
				},
				Spec: pod(version),
			},
		},
	}
}

func pod(version string) corev1.PodSpec {
	const controlPlaneRole = "node-role.kubernetes.io/control-plane"
	return corev1.PodSpec{
		ServiceAccountName:            managerName,
		TerminationGracePeriodSeconds: ptr.To[int64](10),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   ptr.To(true),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Tolerations: []corev1.Toleration{{Key: controlPlaneRole, Effect: corev1.TaintEffectNoSchedule}},
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
				Weight: 10,
				Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: controlPlaneRole, Operator: corev1.NodeSelectorOpExists},
				}},
			}},
		}},
		Containers: []corev1.Container{container(version)},
		// The only place that can be written to.
		Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}
}

// container must be called manager: https://cluster-api.sigs.k8s.io/developer/providers/contracts/clusterctl
func container(version string) corev1.Container {
	c := corev1.Container{
		Name:            "manager",
		Image:           imageRepository + ":" + version,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Env: []corev1.EnvVar{{
			Name:      "POD_NAMESPACE",
			ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}},
		}},
		Ports: []corev1.ContainerPort{
			{Name: healthPortName, ContainerPort: healthPort, Protocol: corev1.ProtocolTCP},
			{Name: metricsPortName, ContainerPort: metricsPort, Protocol: corev1.ProtocolTCP},
		},
		LivenessProbe:  probe("/healthz"),
		ReadinessProbe: probe("/readyz"),
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("128Mi"),
		}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			Privileged:               ptr.To(false),
			ReadOnlyRootFilesystem:   ptr.To(true),
			RunAsUser:                ptr.To[int64](user),
			RunAsGroup:               ptr.To[int64](user),
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts:             []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
	}
	for _, a := range arguments() {
		if a.clusterctl != "" {
			c.Args = append(c.Args, a.clusterctl)
		}
	}
	return c
}

func probe(path string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(healthPortName)},
	}}
}
