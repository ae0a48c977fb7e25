package olvmmachine

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// scrapeTimeout bounds the reads of a scrape, which come from the cache.
const scrapeTimeout = 5 * time.Second

// Ownership counts the VMs in the engines that carry a mark of ours, by who knows them: machine (an OLVMMachine of this management cluster),
// orphan (its cluster is known here and its machine is not), foreign (of a cluster that is not known here, as another management cluster's
// are). It is a prometheus.Collector.
type Ownership struct {
	engines *engine.Engines
	reader  client.Reader
	vms     *prometheus.Desc
}

// NewOwnership counts the VMs of the given engines; machines come from the reader, a cache.
func NewOwnership(engines *engine.Engines, reader client.Reader) *Ownership {
	return &Ownership{engines: engines, reader: reader, vms: prometheus.NewDesc("olvm_marked_vms",
		"VMs that carry a mark of ours, by owner: machine, orphan (no machine, in a cluster that is known here) or foreign (unknown cluster).",
		[]string{"engine", "user", "owner"}, nil)}
}

// Describe implements prometheus.Collector.
func (o *Ownership) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- o.vms }

// Collect implements prometheus.Collector. Without machines to compare with there is nothing to tell.
func (o *Ownership) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	machines, clusters := &infrav1.OLVMMachineList{}, &infrav1.OLVMClusterList{}
	if o.reader.List(ctx, machines) != nil || o.reader.List(ctx, clusters) != nil {
		return
	}
	ids, known := map[string]bool{}, map[string]bool{}
	for i := range machines.Items {
		ids[machine.VMID(machines.Items[i].Spec.ProviderID)] = true
	}
	for i := range clusters.Items {
		known[clusters.Items[i].Namespace+"/"+clusters.Items[i].Labels[clusterv1.ClusterNameLabel]] = true
	}
	o.engines.EachAccount(func(e *engine.Engine, url, user string) {
		listed := e.Listed()
		if listed == nil {
			return
		}
		count := map[string]float64{"machine": 0, "orphan": 0, "foreign": 0}
		listed.Each(func(vm ovirt.VM) {
			mark, ours := machine.ParseMark(vm.Comment)
			switch {
			case !ours:
			case ids[vm.ID]:
				count["machine"]++
			case known[mark.Cluster]:
				count["orphan"]++
			default:
				count["foreign"]++
			}
		})
		for owner, n := range count {
			metrics <- prometheus.MustNewConstMetric(o.vms, prometheus.GaugeValue, n, url, user, owner)
		}
	})
}
