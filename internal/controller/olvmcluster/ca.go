package olvmcluster

import (
	"cmp"
	"errors"
	"fmt"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// whereCAGoes tells, for a certificate that is not trusted, where the controller reads CAs from. Existing manifests always name a
// ConfigMap, which need not exist.
func whereCAGoes(olvm *infrav1.OLVMCluster, err error) string {
	var untrusted *ovirt.UntrustedCertificateError
	ref := olvm.Spec.OLVMOvirtAPIServer.CAConfigMap
	if ref == nil || !errors.As(err, &untrusted) {
		return ""
	}
	return fmt.Sprintf("; the OLVMCluster reads CAs from all keys of CA ConfigMap %s/%s: create it, or add the CA to it",
		cmp.Or(ref.Namespace, olvm.Namespace), ref.Name)
}
