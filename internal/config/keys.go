package config

import infrav1 "github.com/ocne-project/ocne/api/v1"

// Path is a file's name. A relative one is taken from the folder of the file it stands in, or from that file's directory key;
// ~/ is the home directory. After Load it is absolute.
type Path string

// Document is a user's Butane or Ignition document: the name of a file that holds it, or its text.
type Document struct {
	// Key is where it stands in the configuration.
	Key    string `json:"-"`
	Path   Path   `json:"path"`
	Inline string `json:"inline"`
}

// A key of type fileDocument holds a file's name, a key of type inlineDocument a text; either may hold the document itself as a
// YAML mapping, and a text of several lines or in JSON is never taken for a file's name.
type (
	fileDocument   Document
	inlineDocument Document
)

// keys is everything that the defaults file and the cluster file may hold; both may hold all of it. What has the type any is
// accepted and not used: see leftOut.
type keys struct {
	Name                     string           `json:"name"`
	Directory                Path             `json:"directory"`
	Provider                 string           `json:"provider"`
	ControlPlaneNodes        int              `json:"controlPlaneNodes"`
	WorkerNodes              int              `json:"workerNodes"`
	VirtualIP                string           `json:"virtualIp"`
	ControlPlaneLoadBalancer loadBalancer     `json:"controlPlaneLoadBalancer"`
	LoadBalancer             any              `json:"loadBalancer"`
	KubeAPIServerBindPort    int              `json:"kubeApiServerBindPort"`
	KubeAPIServerBindPortAlt int              `json:"kubeApiServerBindPortAlt"`
	PodSubnet                []string         `json:"podSubnet"`
	ServiceSubnet            []string         `json:"serviceSubnet"`
	KubernetesVersion        string           `json:"kubernetesVersion"`
	OSRegistry               any              `json:"osRegistry"`
	OSTag                    any              `json:"osTag"`
	Registry                 string           `json:"registry"`
	BootVolumeContainerImage string           `json:"bootVolumeContainerImage"`
	KubeProxyMode            string           `json:"kubeProxyMode"`
	CNI                      string           `json:"cni"`
	Headless                 bool             `json:"headless"`
	Catalog                  bool             `json:"catalog"`
	CommunityCatalog         bool             `json:"communityCatalog"`
	Catalogs                 any              `json:"catalogs"`
	Applications             any              `json:"applications"`
	Proxy                    proxyKeys        `json:"proxy"`
	CertificateInformation   any              `json:"certificateInformation"`
	SSHPublicKey             string           `json:"sshPublicKey"`
	SSHPublicKeyPath         Path             `json:"sshPublicKeyPath"`
	Password                 string           `json:"password"`
	CipherSuites             []string         `json:"cipherSuites"`
	ClusterDefinition        Path             `json:"clusterDefinition"`
	ClusterDefinitionInline  string           `json:"clusterDefinitionInline"`
	ExtraIgnition            fileDocument     `json:"extraIgnition"`
	ExtraIgnitionInline      inlineDocument   `json:"extraIgnitionInline"`
	AutoStartUI              any              `json:"autoStartUI"`
	Quiet                    bool             `json:"quiet"`
	Kubeconfig               Path             `json:"kubeconfig"`
	EphemeralCluster         ephemeralCluster `json:"ephemeralCluster"`
	Backup                   backupKeys       `json:"backup"`
	Providers                providers        `json:"providers"`
}

// loadBalancer has the names of OLVMCluster's own fields.
type loadBalancer = infrav1.LoadBalancer

// failureDomain has the names of OLVMCluster's own fields.
type failureDomain = infrav1.FailureDomain

type proxyKeys struct {
	HTTPSProxy string   `json:"httpsProxy"`
	HTTPProxy  string   `json:"httpProxy"`
	NoProxy    []string `json:"noProxy"`
}

type ephemeralCluster struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Preserve bool     `json:"preserve"`
	Node     nodeKeys `json:"node"`
}

// backupKeys are about the backups of the embedded management cluster.
type backupKeys struct {
	Directory Path `json:"directory"`
	Keep      int  `json:"keep"`
	KeyFile   Path `json:"keyFile"`
	Disabled  bool `json:"disabled"`
}

// nodeKeys are the shape of VMs that libvirt runs.
type nodeKeys struct {
	CPU     int    `json:"cpu"`
	Memory  string `json:"memory"`
	Storage string `json:"storage"`
}

type providers struct {
	OLVM    olvmKeys    `json:"olvm"`
	Libvirt libvirtKeys `json:"libvirt"`
	OCI     any         `json:"oci"`
	BYO     any         `json:"byo"`
	None    any         `json:"none"`
}

type olvmKeys struct {
	Namespace           string           `json:"namespace"`
	DatacenterName      string           `json:"olvmDatacenterName"`
	SelfManaged         bool             `json:"selfManaged"`
	Proxy               any              `json:"proxy"`
	APIServer           APIServer        `json:"olvmOvirtAPIServer"`
	OCK                 ockKeys          `json:"olvmOCK"`
	LocalAPIEndpoint    localAPIEndpoint `json:"localAPIEndpoint"`
	ControlPlaneMachine Machine          `json:"controlPlaneMachine"`
	WorkerMachine       Machine          `json:"workerMachine"`
	WorkerPools         []workerPoolKeys `json:"workerPools"`
	FailureDomains      []failureDomain  `json:"failureDomains"`
	OvirtCSIDriver      csiDriver        `json:"ovirtCsiDriver"`
}

// workerPoolKeys are a further group of workers. Load completes its machine with workerMachine.
type workerPoolKeys struct {
	Name        string  `json:"name"`
	WorkerNodes int     `json:"workerNodes"`
	Machine     Machine `json:"machine"`
}

// ockKeys say how a VM template is made of the image.
type ockKeys struct {
	StorageDomainName string   `json:"storageDomainName"`
	DiskName          string   `json:"diskName"`
	DiskSize          string   `json:"diskSize"`
	KernelArgs        string   `json:"kernelArgs"`
	Mirrors           []string `json:"mirrors"`
	RegistryCAPath    Path     `json:"registryCAPath"`
}

// libvirtKeys say where VMs of the provider libvirt are made, also that of an ephemeral management cluster.
type libvirtKeys struct {
	URI              string   `json:"uri"`
	SSHKey           any      `json:"sshKey"` // of hosts elsewhere, which are not implemented
	StoragePool      string   `json:"storagePool"`
	Network          string   `json:"network"`
	DomainType       string   `json:"domainType"`
	ControlPlaneNode nodeKeys `json:"controlPlaneNode"`
	WorkerNode       nodeKeys `json:"workerNode"`
	ImageProfile     string   `json:"imageProfile"`
	SlirpSubnet      string   `json:"slirpSubnet"`
	SecureBoot       bool     `json:"secureBoot"`
	SMM              bool     `json:"smm"`
	// These two say what the volume and the file in the container image are called: both have one name.
	BootVolumeName               any `json:"bootVolumeName"`
	BootVolumeContainerImagePath any `json:"bootVolumeContainerImagePath"`
}

type localAPIEndpoint struct {
	BindPort         int    `json:"bindPort"`
	AdvertiseAddress string `json:"advertiseAddress"`
}

type csiDriver struct {
	Install              bool   `json:"install"`
	Namespace            string `json:"namespace"`
	CredsSecretName      string `json:"credsSecretName"`
	CAConfigmapName      string `json:"caConfigmapName"`
	ControllerPluginName string `json:"controllerPluginName"`
	NodePluginName       string `json:"nodePluginName"`
	CSIDriverName        string `json:"csiDriverName"`
}

// builtIns is the lowest layer: the defaults that users of the existing ocne rely on. Port 6444 is not here because two keys may
// name it.
const builtIns = `
name: ocne
provider: libvirt
controlPlaneNodes: 1
workerNodes: 1
kubeApiServerBindPort: 6443
podSubnet: 10.244.0.0/16
serviceSubnet: 10.96.0.0/12
kubernetesVersion: "1.33"
kubeProxyMode: iptables
bootVolumeContainerImage: docker://container-registry.oracle.com/olcne/ock
backup: {keep: 20}
ephemeralCluster:
  name: ocne-ephemeral
  node: {cpu: 2, memory: 4194304Ki, storage: 30Gi}
providers:
  libvirt:
    uri: qemu:///session
    storagePool: images
    controlPlaneNode: {cpu: 2, memory: 4194304Ki, storage: 20Gi}
    workerNode: {cpu: 2, memory: 4194304Ki, storage: 20Gi}
    slirpSubnet: 10.0.2.0/24
  olvm:
    namespace: ocne
    controlPlaneMachine: {virtualMachine: {memory: 7GB, network: {interface: enp1s0}}}
    workerMachine: {virtualMachine: {memory: 16GB, network: {interface: enp1s0}}}
`
