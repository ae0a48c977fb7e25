package cluster

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// Details are everything about one cluster that fits on a screen.
type Details struct {
	Listed
	// Ready says that the cluster is what it shall be: every machine is up to date and running, every node Ready.
	Ready bool `json:"ready"`
	// ManagementCluster describes where the cluster's objects are.
	ManagementCluster string `json:"managementCluster"`
	// Kubeconfig is the path of the cluster's own kubeconfig; empty when 'ocne cluster start' has not written it on this machine.
	Kubeconfig string `json:"kubeconfig"`
	// Engine is where the cluster's VMs are.
	Engine Engine `json:"engine"`
	// Groups of machines, the control plane first.
	Groups []GroupDetails `json:"groups"`
	// Machines, the control plane first.
	Machines []MachineDetails `json:"machines"`
	// AddressPools are the pools that the cluster's machines take their addresses from.
	AddressPools []AddressPool `json:"addressPools"`
	// Conditions are those that are not as they should be.
	Conditions []ConditionDetails `json:"conditions"`
	// NextSteps are for somebody to take: what is left does not pass by itself.
	NextSteps []NextStep `json:"nextSteps"`
}

// Engine is where VMs are.
type Engine struct {
	URL        string `json:"url"`
	Release    string `json:"release"`
	DataCenter string `json:"dataCenter"`
	// Reachable is what the controllers found last.
	Reachable bool `json:"reachable"`
	// Message is the engine's answer, or why there is none.
	Message string `json:"message"`
}

// The roles of machines.
const (
	ControlPlaneRole = "control-plane"
	WorkerRole       = "worker"
)

// GroupDetails are machines that are the same: the control plane, or one MachineDeployment.
type GroupDetails struct {
	Name     string   `json:"name"`
	Role     string   `json:"role"`
	Version  string   `json:"version"`
	Machines Replicas `json:"machines"`
	// FailureDomains say how the machines are spread; empty for machines without a domain.
	FailureDomains []DomainDetails `json:"failureDomains"`
}

// DomainDetails say how many machines of a group are in a failure domain.
type DomainDetails struct {
	Name string `json:"name"`
	// Machines may be 0: control plane nodes may be there, and none is.
	Machines int `json:"machines"`
}

// MachineDetails are a machine, its VM and its node.
type MachineDetails struct {
	Name       string    `json:"name"`
	Role       string    `json:"role"`  // control-plane or worker
	Group      string    `json:"group"` // name of the group; empty for a worker that no MachineDeployment made
	Phase      string    `json:"phase"`
	Version    string    `json:"version"`
	VM         VMDetails `json:"vm"`
	Node       string    `json:"node"`       // name; empty until the node has reported
	NodeStatus string    `json:"nodeStatus"` // Ready or NotReady; empty while it is not known
	Addresses  []string  `json:"addresses"`  // of both families
	// FailureDomain that the machine is in; empty when it names none, or has no place yet.
	FailureDomain string    `json:"failureDomain"`
	ProviderID    string    `json:"providerID"`
	Created       time.Time `json:"created"`
}

// VMDetails are what the engine said last about a VM.
type VMDetails struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	// Host of the engine that it runs on, by its name, or by its id where that is not known; empty while it does not run, or where
	// the engine does not tell.
	Host string `json:"host"`
}

// Show reads everything about one cluster. It changes nothing; the cluster's own API is asked for the nodes, and its silence is told
// as a condition.
func Show(ctx context.Context, o Selection, report progress.Reporter) (*Details, error) {
	m, found, err := o.open(ctx, report)
	if err != nil {
		return nil, err
	}
	d, err := m.show(ctx, found, o.Config.KubeconfigPath())
	return d, errors.Join(err, m.Close())
}

func (m *Management) show(ctx context.Context, found *clusterv1.Cluster, kubeconfig string) (*Details, error) {
	s, err := observe(ctx, m.Client, client.ObjectKeyFromObject(found))
	if err != nil {
		return nil, err
	}
	if s.cluster == nil {
		s.cluster = found // it has gone meanwhile
	}
	return m.details(ctx, s, kubeconfig)
}

// details completes what the management cluster says of a cluster that is there.
func (m *Management) details(ctx context.Context, s *snapshot, kubeconfig string) (*Details, error) {
	if err := m.askNodes(ctx, client.ObjectKeyFromObject(s.cluster), s); err != nil {
		return nil, err
	}
	d := newDetails(s, time.Now())
	d.Management, d.ManagementCluster, d.AddressPools = m.located(), m.Description, s.addressPools()
	if _, err := os.Stat(kubeconfig); err == nil {
		d.Kubeconfig = kubeconfig
	}
	return d, nil
}

// askNodes completes a snapshot with the nodes, without writing the kubeconfig.
func (m *Management) askNodes(ctx context.Context, key client.ObjectKey, s *snapshot) error {
	if !s.controlPlaneInitialized() {
		return nil
	}
	kubeconfig, err := readKubeconfig(ctx, m.Client, key)
	if err != nil || len(kubeconfig) == 0 {
		return err
	}
	c, err := workload.Access(kubeconfig)
	if err != nil {
		return err
	}
	s.readNodes(ctx, workload.Of(c))
	return nil
}

func newDetails(s *snapshot, now time.Time) *Details {
	version := ""
	if s.controlPlane != nil {
		version = s.controlPlane.Spec.Version
	}
	d := &Details{
		Listed: newListed(s.cluster, version), Ready: s.intended().reached(s),
		Groups: s.groups(), Machines: make([]MachineDetails, 0, len(s.machines)),
		Conditions: notFine(s), NextSteps: nextSteps(s, now),
	}
	if s.infrastructure != nil {
		d.Engine.URL = s.infrastructure.Spec.OLVMOvirtAPIServer.ServerURL
		d.Engine.DataCenter = s.infrastructure.Spec.OLVMDatacenterName
		if found := s.infrastructure.Status.OLVMDatacenter; found != nil {
			d.Engine.Release = found.Release.Version
		}
		if c := meta.FindStatusCondition(s.infrastructure.Status.Conditions, infrav1.EngineReachableCondition); c != nil {
			d.Engine.Reachable, d.Engine.Message = c.Status == metav1.ConditionTrue, c.Message
		}
	}
	for i := range s.machines {
		d.Machines = append(d.Machines, newMachineDetails(s, &s.machines[i]))
	}
	return d
}

// groups are the control plane and every MachineDeployment.
func (s *snapshot) groups() []GroupDetails {
	groups := []GroupDetails{}
	if k := s.controlPlane; k != nil {
		groups = append(groups, GroupDetails{
			Name: k.Name, Role: ControlPlaneRole, Version: k.Spec.Version,
			Machines:       Replicas{Ready: ptr.Deref(k.Status.ReadyReplicas, 0), Desired: ptr.Deref(k.Spec.Replicas, 0)},
			FailureDomains: s.spreadOver(s.controlPlaneDomains(), isControlPlane),
		})
	}
	for i := range s.workers {
		w := &s.workers[i]
		groups = append(groups, GroupDetails{
			Name: w.Name, Role: WorkerRole, Version: w.Spec.Template.Spec.Version,
			Machines: Replicas{Ready: ptr.Deref(w.Status.ReadyReplicas, 0), Desired: ptr.Deref(w.Spec.Replicas, 0)},
			FailureDomains: s.spreadOver(nil, func(m *clusterv1.Machine) bool {
				return !isControlPlane(m) && m.Labels[clusterv1.MachineDeploymentNameLabel] == w.Name
			}),
		})
	}
	return groups
}

// intended is the target that the cluster's own objects state.
func (s *snapshot) intended() target {
	t := target{pools: map[string]int32{}}
	if s.controlPlane != nil {
		t.controlPlane = ptr.Deref(s.controlPlane.Spec.Replicas, 0)
	}
	for i := range s.workers {
		t.pools[s.workers[i].Name] = ptr.Deref(s.workers[i].Spec.Replicas, 0)
	}
	return t
}

func newMachineDetails(s *snapshot, m *clusterv1.Machine) MachineDetails {
	d := MachineDetails{
		Name: m.Name, Role: WorkerRole, Group: m.Labels[clusterv1.MachineDeploymentNameLabel], Phase: m.Status.Phase, Version: m.Spec.Version,
		Node: m.Status.NodeRef.Name, ProviderID: m.Spec.ProviderID, Addresses: []string{}, Created: m.CreationTimestamp.UTC(),
		FailureDomain: s.domainOf(m),
	}
	if isControlPlane(m) {
		d.Role, d.Group = ControlPlaneRole, ""
		if s.controlPlane != nil {
			d.Group = s.controlPlane.Name
		}
	}
	add := func(address string) {
		if address != "" && !slices.Contains(d.Addresses, address) {
			d.Addresses = append(d.Addresses, address)
		}
	}
	if im := s.infraMachine(m); im != nil {
		d.ProviderID = cmp.Or(d.ProviderID, im.Spec.ProviderID)
		if e := im.Status.OLVM; e != nil {
			vm := e.VirtualMachine
			d.VM = VMDetails{ID: vm.VMID, Name: vm.VMName, Status: vm.Status, Host: cmp.Or(vm.HostName, vm.HostID)}
			add(e.IPAddress)
			add(e.IPv6Address)
		}
	}
	if node := s.node(d.Node); node != nil {
		d.NodeStatus = workload.NewNode(node).Status
		for _, a := range node.Status.Addresses { // a node may have made one of them itself
			if a.Type == corev1.NodeInternalIP {
				add(a.Address)
			}
		}
	}
	return d
}

// templates are the names of the machine templates in use, with the group of machines that uses each.
func (s *snapshot) templates() map[string][]string {
	names := map[string][]string{}
	add := func(ref clusterv1.ContractVersionedObjectReference, group string) {
		if ref.APIGroup == infrav1.Group && ref.Name != "" {
			names[ref.Name] = append(names[ref.Name], group)
		}
	}
	if s.controlPlane != nil {
		add(s.controlPlane.Spec.MachineTemplate.Spec.InfrastructureRef, "control plane")
	}
	for i := range s.workers {
		add(s.workers[i].Spec.Template.Spec.InfrastructureRef, "workers "+s.workers[i].Name)
	}
	return names
}
