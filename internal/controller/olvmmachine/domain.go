package olvmmachine

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/spelling"
)

// domain is the failure domain that the Machine names; it has no name when the Machine names none. The error tells those that there are. Where
// there are none at all, what a Machine names is nobody's, and ignored: manifests that do so are older than failure domains here.
func (s *subject) domain() (infrav1.FailureDomain, error) {
	wanted := s.machine.Spec.FailureDomain
	if wanted == "" || len(s.infra.Spec.FailureDomains) == 0 {
		return infrav1.FailureDomain{}, nil
	}
	var names []string
	for _, d := range s.infra.Spec.FailureDomains {
		if d.Name == wanted {
			return d, nil
		}
		names = append(names, d.Name)
	}
	existing := strings.Join(spelling.NearestFirst(wanted, names), ", ")
	return infrav1.FailureDomain{}, fmt.Errorf("spec.failureDomain of Machine %s is %q, and spec.failureDomains of OLVMCluster %s has %s; "+
		"add the domain there, or delete the Machine to have it replaced", s.machine.Name, wanted, s.infra.Name, existing)
}

// placeNames are the names of what surrounds the VM in the engine: the failure domain's, and for what it does not name, those of the spec.
// A VM that the engine has shown keeps what it was made with: a domain may change, or go, and its VMs stay.
func (s *subject) placeNames() (engine.PlaceNames, error) {
	spec, made := s.olvm.Spec, engineStatus(s.olvm)
	names := engine.PlaceNames{
		DataCenter: s.infra.Spec.OLVMDatacenterName, Cluster: spec.OLVMOvirtClusterName,
		Network: spec.OLVMNetwork.NetworkName, VNICProfile: spec.OLVMNetwork.VNICProfileName, Template: spec.VMTemplateName,
	}
	if s.olvm.Status.FailureDomain != "" && made.VirtualMachine.VMID != "" && made.ClusterName != "" {
		names.Cluster, names.VNICProfile = made.ClusterName, cmp.Or(made.VNICProfileName, names.VNICProfile)
		return names, nil
	}
	domain, err := s.domain()
	if err != nil {
		names.Cluster = cmp.Or(made.ClusterName, names.Cluster)
		return names, err
	}
	names.Cluster = cmp.Or(domain.OLVMOvirtClusterName, names.Cluster)
	names.VNICProfile = cmp.Or(domain.VNICProfileName, names.VNICProfile)
	if names.Cluster == "" {
		err = errors.New("spec.olvmOvirtClusterName is empty, and the Machine has no failure domain: name the engine's cluster")
	}
	return names, err
}

// inDomain records where the VM was made: once the engine has shown it, it does not move.
func inDomain(s subject) {
	if domain, err := s.domain(); err == nil && (s.olvm.Status.FailureDomain == "" || engineStatus(s.olvm).VirtualMachine.VMID == "") {
		s.olvm.Status.FailureDomain = domain.Name
	}
}
