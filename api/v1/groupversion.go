package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every Cluster API infrastructure provider.
const Group = "infrastructure.cluster.x-k8s.io"

// GroupVersion returns the group and version of this package's kinds.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: Group, Version: "v1"}
}

// AddToScheme registers this package's kinds.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion(),
		&OLVMCluster{}, &OLVMClusterList{},
		&OLVMClusterTemplate{}, &OLVMClusterTemplateList{},
		&OLVMMachine{}, &OLVMMachineList{},
		&OLVMMachineTemplate{}, &OLVMMachineTemplateList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion())
	return nil
}
