package olvmmachine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/claim"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// ignitionOS is the engine's operating system type that delivers the custom script to the guest unchanged; with any other Linux type
// the engine makes cloud-config of it. Set in the request, it overrides the template's. See bootDocument.deliver.
const ignitionOS = "rhcos_x64"

// askAgainAfter spaces the requests for a VM that the engine made and then removed, as it does when copying the disk fails.
const askAgainAfter = 15 * time.Second

// create asks the engine for the VM, in an order that survives a crash after each step: addresses, the time of the request, the
// request.
func (r *Reconciler) create(ctx context.Context, s subject, d machine.Desired) (ctrl.Result, error) {
	if d.Seen {
		return forget(s.olvm), nil
	}
	data, err := r.bootData(ctx, s)
	if err != nil {
		return noDocument(s.olvm, err)
	}
	if result, wrong := wrongImage(s.olvm, d, data); wrong {
		return result, nil
	}
	snapshot, err := s.engine.Lately(ctx, d.VMID, 10*time.Second)
	if err != nil {
		return r.unobserved(s, err), nil
	}
	won, err := r.claimAddresses(ctx, s, d, func(networkID string) map[netip.Addr]string {
		return machine.Holders(snapshot.Each, networkID, d.VMID)
	})
	if pending := (*claim.PendingError)(nil); errors.As(err, &pending) {
		return awaited(s.olvm, pending), nil
	}
	if err != nil {
		return noAddress(s.olvm, err)
	}
	chosen(s.olvm, won)
	taken := false
	snapshot.Each(func(vm ovirt.VM) { taken = taken || (vm.Name == s.olvm.Name && vm.ID != d.VMID) })
	mark := marked(d, won)
	document, err := r.document(ctx, s, data, won)
	if err != nil {
		return noDocument(s.olvm, err)
	}
	vm, err := request(s.olvm.Spec, d, mark, machine.VMName(s.olvm.Name, d.VMID, taken), document.text)
	if err != nil {
		return invalid(s.olvm, err), nil
	}
	document.deliver(&vm, s.olvm.Name, d.Place.TemplateOS)
	if err := r.announce(ctx, s.olvm); err != nil {
		return ctrl.Result{}, err
	}
	plan := machine.Plan{Status: "False", Reason: infrav1.CreatingReason, Message: "the VM is being created", Wake: time.Second}
	err = machine.Submit(ctx, s.engine, vm)
	if ovirt.KindOf(err) == ovirt.Exists && !taken { // by a VM that this account does not see
		vm.Name = machine.VMName(s.olvm.Name, d.VMID, true)
		err = machine.Submit(ctx, s.engine, vm)
	}
	if err != nil {
		if s.engine.Down() != nil {
			return r.hold(s, err), nil //nolint:nilerr // the OLVMCluster tells it
		}
		s.engine.ForgetPlaces() // something that the request names may have gone
		plan = machine.Refused(machine.Create, err)
	}
	show(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}, nil
}

// forget drops what was known of a VM that is positively gone before another one is asked for: it must not vouch for that request.
func forget(olvm *infrav1.OLVMMachine) ctrl.Result {
	delete(olvm.Annotations, infrav1.CreateSubmittedAnnotation)
	olvm.Status.OLVM.VirtualMachine = infrav1.VirtualMachineStatus{}
	return ctrl.Result{RequeueAfter: askAgainAfter}
}

// announce writes down that the creation is about to be asked for, and keeps the machine from being moved to another management
// cluster meanwhile.
func (r *Reconciler) announce(ctx context.Context, olvm *infrav1.OLVMMachine) error {
	before := olvm.DeepCopy()
	announced := olvm.DeepCopy()
	if announced.Annotations == nil {
		announced.Annotations = map[string]string{}
	}
	announced.Annotations[infrav1.CreateSubmittedAnnotation] = time.Now().UTC().Format(time.RFC3339)
	announced.Annotations[clusterctlv1.BlockMoveAnnotation] = "the VM is being created"
	// A deletion that we have not seen yet makes this fail; one that we see later is seen together with this.
	if err := r.Patch(ctx, announced, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write the time of the request: %w", err)
	}
	return nil
}

func request(spec infrav1.OLVMMachineSpec, d machine.Desired, mark machine.Mark, name string, document []byte) (ovirt.AddVM, error) {
	memory, err := spec.VirtualMachine.MemorySizes()
	if err != nil {
		return ovirt.AddVM{}, err
	}
	topology := spec.VirtualMachine.CPU.Topology.WithDefaults()
	vm := ovirt.AddVM{
		ID: d.VMID, Name: name, Description: cmp.Or(spec.VirtualMachine.Description, machine.Description(mark)), Comment: mark.Comment(),
		ClusterID: d.Place.ClusterID, TemplateID: d.Place.TemplateID, HostIDs: d.HostIDs,
		Memory: memory.Memory, GuaranteedMemory: memory.Guaranteed, MaxMemory: memory.Max,
		Architecture: spec.VirtualMachine.CPU.Architecture,
		CPU:          ovirt.CPUTopology{Cores: int(topology.Cores), Sockets: int(topology.Sockets), Threads: int(topology.Threads)},
		OSType:       ignitionOS, Type: string(cmp.Or(spec.VirtualMachine.Type, infrav1.ServerVM)), CustomScript: string(document),
		Clone: d.Clone, Disks: d.TemplateDisks,
	}
	addShape(&vm, spec.VirtualMachine, d.Shape)
	return vm, nil
}

func (r *Reconciler) document(ctx context.Context, s subject, data bootData, won won) (bootDocument, error) {
	user, err := r.userIgnition(ctx, s.olvm)
	if err != nil {
		return bootDocument{}, err
	}
	network, err := guestNetwork(s.olvm.Spec.VirtualMachine.Network, won)
	if err != nil {
		return bootDocument{}, err
	}
	nics, err := guestNICs(s.olvm.Spec.VirtualMachine.AdditionalNICs, won.additional)
	if err != nil {
		return bootDocument{}, err
	}
	additional, err := r.additionalConfig(ctx, s.machine)
	if err != nil {
		return bootDocument{}, err
	}
	text, err := boot.Document(boot.Input{
		Bootstrap: data.value, Format: data.format, Additional: additional, User: user,
		Profile:  s.olvm.Spec.ImageProfile,
		Identity: boot.Identity{ProviderID: s.olvm.Spec.ProviderID, Hostname: s.olvm.Name},
		Network:  network, NICs: nics, LoadBalancer: loadBalancer(s), Disks: mounts(s.olvm),
	})
	return bootDocument{text: text, format: data.format, network: network, nics: nics}, err
}

// holdsVirtualIP says whether the virtual IP moves between this machine and others.
func holdsVirtualIP(s subject) bool {
	return isControlPlane(s.machine) && s.infra.Spec.LoadBalancer.Type != infrav1.LoadBalancerExternal
}

// loadBalancer is what a control plane node needs to hold the cluster's virtual IP, unless somebody else makes that answer.
func loadBalancer(s subject) *boot.LoadBalancer {
	if !holdsVirtualIP(s) {
		return nil
	}
	endpoint := s.infra.Spec.ControlPlaneEndpoint
	return &boot.LoadBalancer{
		Endpoint: cmp.Or(endpoint.Host, s.cluster.Spec.ControlPlaneEndpoint.Host),
		Port:     int(cmp.Or(endpoint.Port, s.cluster.Spec.ControlPlaneEndpoint.Port, 6443)),
		Settings: s.infra.Spec.LoadBalancer,
	}
}

// additionalConfig is the Ignition 3 that existing manifests carry in the KubeadmConfig. Stock kubeadm bootstrap takes that field for
// another language and mangles it, so it is taken from where the user wrote it.
func (r *Reconciler) additionalConfig(ctx context.Context, m *clusterv1.Machine) ([]byte, error) {
	config, err := r.kubeadmConfig(ctx, m)
	if err != nil || config == nil {
		return nil, err
	}
	text := []byte(config.Spec.Ignition.ContainerLinuxConfig.AdditionalConfig)
	if !boot.IsIgnition3(text) {
		return nil, nil
	}
	return text, nil
}

// kubeadmConfig is the machine's; nil when something else makes its bootstrap data.
func (r *Reconciler) kubeadmConfig(ctx context.Context, m *clusterv1.Machine) (*bootstrapv1.KubeadmConfig, error) {
	ref := m.Spec.Bootstrap.ConfigRef
	if ref.Kind != "KubeadmConfig" {
		return nil, nil
	}
	config := &bootstrapv1.KubeadmConfig{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: ref.Name}, config); err != nil {
		return nil, fmt.Errorf("get KubeadmConfig %s: %w", ref.Name, err)
	}
	return config, nil
}

// guestNetwork is the network as the guest configures it.
func guestNetwork(n infrav1.Network, won won) (boot.Network, error) {
	network := boot.Network{
		Device: n.Device(), MTU: int(n.MTU),
		IPv4: won.ipv4.prefix, Gateway: won.ipv4.gateway, IPv6: won.ipv6.prefix, IPv6Gateway: won.ipv6.gateway,
		Nameservers: n.Nameservers, SearchDomains: n.SearchDomains, NTPServers: n.NTPServers,
	}
	if n.IPv6 == nil {
		return network, nil
	}
	network.IPv6AutoConf = n.IPv6.AutoConf
	if n.IPv6.Gateway != "" {
		gateway, err := netip.ParseAddr(n.IPv6.Gateway)
		if err != nil {
			return boot.Network{}, fmt.Errorf("ipv6.gateway %q is not an address", n.IPv6.Gateway)
		}
		network.IPv6Gateway = gateway
	}
	return network, nil
}

func (r *Reconciler) userIgnition(ctx context.Context, olvm *infrav1.OLVMMachine) ([]byte, error) {
	i := olvm.Spec.Ignition
	switch {
	case i == nil:
		return nil, nil
	case i.SecretRef != nil:
		data, err := r.secret(ctx, olvm.Namespace, i.SecretRef.Name)
		if err != nil {
			return nil, err
		}
		return data["ignition"], nil
	default:
		return []byte(i.Inline), nil
	}
}

func (r *Reconciler) secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return nil, fmt.Errorf("get Secret %s/%s: %w", namespace, name, err)
	}
	return secret.Data, nil
}
