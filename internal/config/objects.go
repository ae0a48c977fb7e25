package config

import (
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
)

// moveLabel makes clusterctl move take an object along that no Cluster owns.
const moveLabel = "clusterctl.cluster.x-k8s.io/move"

// Objects are what makes the cluster, in the order to apply them, complete with their kinds. The credentials, the CA and the
// namespace are not among them.
func (c *Config) Objects() ([]client.Object, error) {
	image := c.OLVM.ControlPlaneMachine.image()
	template, err := c.machineTemplate(c.controlPlaneName(), c.OLVM.ControlPlaneMachine, true)
	if err != nil {
		return nil, err
	}
	controlPlane := c.controlPlane(image)
	if err := c.cloudInit(&controlPlane.Spec.KubeadmConfigSpec, c.OLVM.ControlPlaneMachine, true); err != nil {
		return nil, err
	}
	objects := []client.Object{c.cluster(), c.olvmCluster(), controlPlane, template}
	checks := []client.Object{c.controlPlaneHealthCheck()}
	for _, p := range c.Pools() {
		name := c.PoolObjects(p.Name)
		if template, err = c.machineTemplate(name, p.Machine, false); err != nil {
			return nil, err
		}
		worker := c.workerConfig(name, p.Machine.image())
		if err := c.cloudInit(&worker.Spec.Template.Spec, p.Machine, false); err != nil {
			return nil, err
		}
		objects = append(objects, worker, template, c.machineDeployment(name, p))
		checks = append(checks, c.workerHealthCheck(name))
	}
	return append(objects, checks...), nil
}

func (c *Config) controlPlaneName() string { return c.Name + "-control-plane" }

func (c *Config) labels() map[string]string {
	return map[string]string{clusterv1.ClusterNameLabel: c.Name}
}

func (c *Config) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: c.Namespace, Labels: c.labels()}
}

func kind(group, version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: group + "/" + version, Kind: kind}
}

func ref(group, kind, name string) clusterv1.ContractVersionedObjectReference {
	return clusterv1.ContractVersionedObjectReference{APIGroup: group, Kind: kind, Name: name}
}

// narrow is for numbers of nodes and ports, which Validate keeps small.
func narrow(n int) int32 { return int32(n) } // in range, as Validate makes sure

// cluster has no endpoint: Cluster API copies it from the OLVMCluster.
func (c *Config) cluster() client.Object {
	return &clusterv1.Cluster{
		TypeMeta:   kind(clusterv1.GroupVersion.Group, clusterv1.GroupVersion.Version, "Cluster"),
		ObjectMeta: c.meta(c.Name),
		Spec: clusterv1.ClusterSpec{
			ClusterNetwork: clusterv1.ClusterNetwork{
				Pods:          clusterv1.NetworkRanges{CIDRBlocks: c.PodSubnets},
				Services:      clusterv1.NetworkRanges{CIDRBlocks: c.ServiceSubnets},
				ServiceDomain: "cluster.local",
			},
			ControlPlaneRef:   ref(controlplanev1.GroupVersion.Group, "KubeadmControlPlane", c.controlPlaneName()),
			InfrastructureRef: ref(infrav1.Group, "OLVMCluster", c.Name),
		},
	}
}

func (c *Config) olvmCluster() client.Object {
	s := c.OLVM.APIServer
	server := infrav1.OvirtAPIServer{
		ServerURL: s.ServerURL, CredentialsSecret: s.CredentialsSecret, InsecureSkipTLSVerify: s.InsecureSkipTLSVerify,
	}
	if s.CAConfigMap.Name != "" {
		server.CAConfigMap = &s.CAConfigMap
	}
	return &infrav1.OLVMCluster{
		TypeMeta:   kind(infrav1.Group, infrav1.GroupVersion().Version, "OLVMCluster"),
		ObjectMeta: c.meta(c.Name),
		Spec: infrav1.OLVMClusterSpec{
			ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: c.VirtualIP, Port: narrow(c.APIServerPort)},
			OLVMDatacenterName:   c.OLVM.DatacenterName,
			OLVMOvirtAPIServer:   server,
			LoadBalancer:         c.LoadBalancer,
			FailureDomains:       c.OLVM.FailureDomains,
		},
	}
}

func (c *Config) controlPlane(image boot.Image) *controlplanev1.KubeadmControlPlane {
	replicas := narrow(c.ControlPlaneNodes)
	kcp := &controlplanev1.KubeadmControlPlane{
		TypeMeta:   kind(controlplanev1.GroupVersion.Group, controlplanev1.GroupVersion.Version, "KubeadmControlPlane"),
		ObjectMeta: c.meta(c.controlPlaneName()),
		Spec: controlplanev1.KubeadmControlPlaneSpec{
			Replicas:          &replicas,
			Version:           c.KubernetesVersion,
			KubeadmConfigSpec: c.controlPlaneKubeadm(image),
		},
	}
	kcp.Annotations = c.skipAnnotations(image)
	kcp.Spec.MachineTemplate.Spec.InfrastructureRef = ref(infrav1.Group, "OLVMMachineTemplate", c.controlPlaneName())
	return kcp
}

func (c *Config) machineTemplate(name string, m Machine, controlPlane bool) (client.Object, error) {
	ignition, err := c.ignition(m.image(), controlPlane)
	if err != nil {
		return nil, fmt.Errorf("make the Ignition document of the nodes %s: %w", name, err)
	}
	t := &infrav1.OLVMMachineTemplate{
		TypeMeta:   kind(infrav1.Group, infrav1.GroupVersion().Version, "OLVMMachineTemplate"),
		ObjectMeta: c.meta(name),
	}
	t.Spec.Template.Spec = m.Spec()
	if ignition != "" && !m.hasCloudInit() {
		t.Spec.Template.Spec.Ignition = &infrav1.Ignition{Inline: ignition}
	}
	return t, nil
}

// Spec is the machine as OLVMMachine has it, without what it boots with.
func (m Machine) Spec() infrav1.OLVMMachineSpec {
	return infrav1.OLVMMachineSpec{
		OLVMOvirtClusterName: m.OLVMOvirtClusterName,
		VMTemplateName:       m.VMTemplateName,
		VMTemplateVersion:    m.VMTemplateVersion,
		VMTemplateID:         m.VMTemplateID,
		ImageProfile:         m.ImageProfile,
		OLVMNetwork:          m.OLVMNetwork,
		VirtualMachine:       m.VirtualMachine,
		Placement:            m.Placement,
		Tags:                 m.Tags,
	}
}

func (c *Config) workerConfig(name string, image boot.Image) *bootstrapv1.KubeadmConfigTemplate {
	t := &bootstrapv1.KubeadmConfigTemplate{
		TypeMeta:   kind(bootstrapv1.GroupVersion.Group, bootstrapv1.GroupVersion.Version, "KubeadmConfigTemplate"),
		ObjectMeta: c.meta(name),
	}
	t.Spec.Template.Spec = c.workerKubeadm(image)
	return t
}

func (c *Config) machineDeployment(name string, pool WorkerPool) client.Object {
	replicas := narrow(pool.Nodes)
	labels := c.labels()
	labels[clusterv1.MachineDeploymentNameLabel] = name
	return &clusterv1.MachineDeployment{
		TypeMeta:   kind(clusterv1.GroupVersion.Group, clusterv1.GroupVersion.Version, "MachineDeployment"),
		ObjectMeta: c.meta(name),
		Spec: clusterv1.MachineDeploymentSpec{
			ClusterName: c.Name,
			Replicas:    &replicas,
			Selector:    metav1.LabelSelector{MatchLabels: maps.Clone(labels)},
			Remediation: oneAtATime(),
			Template: clusterv1.MachineTemplateSpec{
				ObjectMeta: clusterv1.ObjectMeta{Labels: labels},
				Spec: clusterv1.MachineSpec{
					ClusterName: c.Name,
					Version:     c.KubernetesVersion,
					Bootstrap: clusterv1.Bootstrap{
						ConfigRef: ref(bootstrapv1.GroupVersion.Group, "KubeadmConfigTemplate", name),
					},
					InfrastructureRef: ref(infrav1.Group, "OLVMMachineTemplate", name),
					FailureDomain:     pool.Machine.FailureDomain,
				},
			},
		},
	}
}

// CredentialsSecret is the Secret that the provider reads the engine's credentials from.
func (c *Config) CredentialsSecret(creds Credentials) *corev1.Secret {
	labels := c.labels()
	labels[moveLabel] = ""
	s := c.OLVM.APIServer.CredentialsSecret
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: labels},
		Type:       corev1.SecretTypeOpaque,
		Data: map[string][]byte{
			"username": []byte(creds.Username), "password": []byte(creds.Password), "scope": []byte(creds.Scope),
		},
	}
}

// CAConfigMap holds the certificates that the provider trusts, the first under ca.crt, further ones under ca.crt1, ca.crt2 and so
// on. It is nil when no CA is configured.
func (c *Config) CAConfigMap() (*corev1.ConfigMap, error) {
	bundles, err := c.caBundles()
	if err != nil || len(bundles) == 0 {
		return nil, err
	}
	data := map[string]string{}
	for i, bundle := range bundles {
		key := "ca.crt"
		if i > 0 {
			key += strconv.Itoa(i)
		}
		data[key] = bundle
	}
	labels := c.labels()
	labels[moveLabel] = ""
	m := c.OLVM.APIServer.CAConfigMap
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, Labels: labels},
		Data:       data,
	}, nil
}
