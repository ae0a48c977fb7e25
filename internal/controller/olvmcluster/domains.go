package olvmcluster

import (
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// failureDomains tells Cluster API what it may spread control plane nodes over, and people where that is. Whether the engine has it is told
// by the machines.
func failureDomains(olvm *infrav1.OLVMCluster) infrav1.FailureDomains {
	var domains infrav1.FailureDomains
	for _, d := range olvm.Spec.FailureDomains {
		attributes := map[string]string{"olvmOvirtClusterName": d.OLVMOvirtClusterName}
		if d.StorageDomainName != "" {
			attributes["storageDomainName"] = d.StorageDomainName
		}
		if d.VNICProfileName != "" {
			attributes["vnicProfileName"] = d.VNICProfileName
		}
		domains = append(domains, clusterv1.FailureDomain{Name: d.Name, ControlPlane: ptr.To(ptr.Deref(d.ControlPlane, true)), Attributes: attributes})
	}
	return domains
}
