package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Orphan is a VM in the engine that carries our mark and that no OLVMMachine of the management cluster has.
type Orphan struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	// Cluster and Machine are namespace/name, as its mark says.
	Cluster string `json:"cluster"`
	Machine string `json:"machine"`
	// Addresses that its mark claims.
	Addresses []string `json:"addresses"`
	// Known says that the management cluster has the cluster. Else another management cluster may have it, and the VM is no orphan.
	Known bool `json:"known"`
	// HeldBy names the other management cluster that is remembered to hold the cluster: the VM is no orphan. Empty when there is none.
	HeldBy string `json:"heldBy"`
	// Paused says that the cluster is paused: it may be on its way from or to another management cluster, which has the machine.
	Paused bool `json:"paused"`
	// Removed says that it was removed, and is gone.
	Removed bool `json:"removed"`
	// Message says why it was not removed; empty when nobody asked for that.
	Message string `json:"message"`
}

// OrphansOptions say where to look for orphans, and what to do with them.
type OrphansOptions struct {
	// Config gives the engine's URL and CA, and the file of its credentials. Nothing else of it is used.
	Config *config.Config
	// Management chooses the management cluster.
	Management ManagementOptions
	// Getenv reads the engine's credentials.
	Getenv func(string) string
	// Clusters, each namespace/name, are those to look at; none means all. One that is named may be unknown to the management cluster.
	Clusters []string
	// Confirm gets the orphans that would be removed and says whether they are; nil removes none.
	Confirm func(all, removable []Orphan) (bool, error)
}

// Orphans lists the VMs that carry our mark and have no OLVMMachine, by cluster and name; the confirmed ones it removes, and returns when
// they are gone. The error of a removal that is not complete comes with the list.
func Orphans(ctx context.Context, o OrphansOptions, report progress.Reporter) ([]Orphan, error) {
	e, err := o.connect()
	if err != nil {
		return nil, err
	}
	defer e.close(ctx)
	m, err := OpenExistingManagement(ctx, o.Management, report)
	if errors.Is(err, ErrNoManagement) {
		report.Warn("There is no management cluster, so nobody knows which of these VMs are in use: another management cluster may have them. " +
			"Name it with --kubeconfig or KUBECONFIG")
		m, err = nil, nil
	}
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	s := search{OrphansOptions: o, management: m, engine: e.Engine, report: report}
	found, changed, err := s.run(ctx)
	err = unfinished(ctx, err, extentOfDeletion(changed), s.pending)
	if m != nil {
		err = errors.Join(err, m.CloseAndStopIfIdle(context.WithoutCancel(ctx), report))
	}
	return found, err
}

// connection is one to the engine that ends with the command.
type connection struct{ *engine.Engine }

func (o OrphansOptions) connect() (connection, error) {
	server := o.Config.OLVM.APIServer
	if server.ServerURL == "" {
		return connection{}, &AdvisedError{
			Err:    errors.New("no engine is configured: providers.olvm.olvmOvirtAPIServer.serverURL is not set"),
			Advice: "Give a cluster file that names it: -c FILE",
		}
	}
	credentials, err := o.Config.Credentials(o.Getenv)
	if err != nil {
		return connection{}, err
	}
	account := engine.Account{
		URL: server.ServerURL, Username: credentials.Username, Password: credentials.Password, Scope: credentials.Scope,
		InsecureSkipTLSVerify: server.InsecureSkipTLSVerify,
	}
	ca, err := o.Config.CAConfigMap()
	if err != nil {
		return connection{}, err
	}
	if ca != nil {
		account.CA = []byte(strings.Join(slices.Collect(maps.Values(ca.Data)), "\n"))
	}
	e, err := (&engine.Engines{}).For(account)
	if err != nil {
		return connection{}, fmt.Errorf("engine %s: %w", server.ServerURL, err)
	}
	return connection{e}, nil
}

// close logs out: else the engine would end the session only when it has idled.
func (c connection) close(ctx context.Context) {
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	_ = c.Client().Logout(afterwards)
	c.Client().Close()
}

// search is one look for orphans.
type search struct {
	OrphansOptions
	management *Management // nil when there is none
	engine     *engine.Engine
	report     progress.Reporter
	pending    []progress.Item // what is still being removed
}

func (s *search) run(ctx context.Context) (found []Orphan, changed bool, err error) {
	if found, err = s.find(ctx); err != nil {
		return found, false, err
	}
	if err = s.askOthers(ctx, found); err != nil || s.Confirm == nil {
		return found, false, err
	}
	var removable []Orphan
	for i := range found {
		if found[i].Message = found[i].kept(len(s.Clusters) > 0); found[i].Message == "" {
			removable = append(removable, found[i])
		}
	}
	if confirmed, err := s.Confirm(found, removable); err != nil || !confirmed || len(removable) == 0 {
		return found, false, err
	}
	return found, true, s.remove(ctx, found)
}

// kept says why an orphan is not removed; empty means that it may be.
func (o *Orphan) kept(named bool) string {
	switch {
	case o.HeldBy != "":
		return "its cluster is held by " + o.HeldBy + "; if that one is lost for good, first: ocne cluster delete -C NAME --forget"
	case o.Paused:
		return "its cluster is paused, and may be on its way to or from another management cluster"
	case !o.Known && !named:
		return "this management cluster does not know its cluster; name it with --cluster to have it removed"
	}
	return ""
}

// find lists VMs, then machines, then VMs again. A machine writes its VM's id down before it asks for the VM, so whoever has a VM of the
// first list is in the list of machines, and no VM is too young to be judged. A machine that went between the two is not in the
// second list of VMs: it goes when its VM is gone.
func (s *search) find(ctx context.Context) ([]Orphan, error) {
	before, err := s.engine.Snapshot(ctx, time.Now())
	if err != nil {
		return nil, s.unread(err)
	}
	known, err := s.management.owners(ctx)
	if err != nil {
		return nil, err
	}
	after, err := s.engine.Snapshot(ctx, time.Now())
	if err != nil {
		return nil, s.unread(err)
	}
	found := []Orphan{}
	before.Each(func(vm ovirt.VM) {
		mark, marked := machine.ParseMark(vm.Comment)
		now := after.VM(vm.ID)
		if !marked || now == nil || known.machines[vm.ID] != "" || len(s.Clusters) > 0 && !slices.Contains(s.Clusters, mark.Cluster) {
			return
		}
		found = append(found, known.orphan(*now, mark))
	})
	slices.SortFunc(found, func(a, b Orphan) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return found, nil
}

// unread is why the engine's list cannot be had, and what to do about it.
func (s *search) unread(err error) error {
	advice := "Check that the engine runs, and that this machine reaches it."
	switch ovirt.KindOf(err) {
	case ovirt.Auth:
		advice = fmt.Sprintf("Give a user name with its profile, such as admin@internal, in %s and its password in %s.",
			config.UsernameVariable, config.PasswordVariable)
	case ovirt.Forbidden:
		advice, _ = nextStep(infrav1.PermissionMissingReason)
	}
	return &AdvisedError{Err: fmt.Errorf("engine %s: %w", s.engine.URL(), err), Advice: advice}
}

// owners are what a management cluster has: OLVMMachines by the id of their VM, and clusters with whether they are paused.
type owners struct {
	machines map[string]string
	clusters map[string]bool
}

func (o owners) cluster(name string) (paused, known bool) {
	paused, known = o.clusters[name]
	return paused, known
}

func (o owners) orphan(vm ovirt.VM, mark machine.Mark) Orphan {
	paused, known := o.cluster(mark.Cluster)
	orphan := Orphan{
		ID: vm.ID, Name: vm.Name, Status: vm.Status, Cluster: mark.Cluster, Machine: mark.Machine, Addresses: []string{},
		Known: known, Paused: paused,
	}
	for _, a := range mark.Each() {
		orphan.Addresses = append(orphan.Addresses, a.String())
	}
	return orphan
}

// owners reads the management cluster's own API, past every cache.
func (m *Management) owners(ctx context.Context) (owners, error) {
	o := owners{machines: map[string]string{}, clusters: map[string]bool{}}
	if m == nil {
		return o, nil
	}
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters); err != nil {
		return o, fmt.Errorf("list clusters: %w", err)
	}
	for i := range clusters.Items {
		c := &clusters.Items[i]
		o.clusters[c.Namespace+"/"+c.Name] = ptr.Deref(c.Spec.Paused, false)
	}
	var machines infrav1.OLVMMachineList
	if err := m.Client.List(ctx, &machines); err != nil {
		return o, fmt.Errorf("list OLVMMachines: %w", err)
	}
	for i := range machines.Items {
		if id := machine.VMID(machines.Items[i].Spec.ProviderID); id != "" {
			o.machines[id] = client.ObjectKeyFromObject(&machines.Items[i]).String()
		}
	}
	return o, nil
}
