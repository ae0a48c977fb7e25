package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/claim"
)

// release gives the addresses of a removed VM back. They outlive a machine that was removed by force, because its VM still had them, and
// nobody else knows when it has them no more.
func (m *Management) release(ctx context.Context, o *Orphan) error {
	if m == nil {
		return nil
	}
	namespace, name, _ := strings.Cut(o.Machine, "/")
	owner := &infrav1.OLVMMachine{}
	if err := m.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, owner); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read OLVMMachine %s: %w", o.Machine, err)
	}
	var addresses ipamv1.IPAddressList
	if err := m.Client.List(ctx, &addresses, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	for i := range addresses.Items {
		a := &addresses.Items[i]
		of := metav1.GetControllerOf(a)
		if of == nil || of.Kind != "OLVMMachine" || of.Name != name || of.UID == owner.UID || !slices.Contains(o.Addresses, a.Spec.Address) {
			continue // a machine of the same name that exists now keeps its own
		}
		if err := claim.GiveBack(ctx, m.Client, a); err != nil {
			return err
		}
	}
	return nil
}
