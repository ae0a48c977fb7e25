package guest

import (
	"context"
	"encoding/pem"
	"fmt"
	"sync/atomic"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	inmemoryruntime "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
)

// platform is what all clusters of one Instant share: the in-memory store and the table of built-in kinds.
type platform struct {
	manager inmemoryruntime.Manager
	// scheme decides how an object is stored: built-in kinds typed, all others unstructured.
	scheme *runtime.Scheme
	kinds  kindTable
	stores atomic.Int64
}

func newPlatform(ctx context.Context) (*platform, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	p := &platform{manager: inmemoryruntime.NewManager(scheme), scheme: scheme, kinds: builtinKinds(scheme)}
	// A logger in the context keeps controller-runtime from complaining on stderr that the program has set none.
	return p, p.manager.Start(ctrl.LoggerInto(ctx, logr.Discard()))
}

// newStore returns a store of its own for one cluster. A later cluster at the same endpoint gets another one.
func (p *platform) newStore(endpoint string) (string, inmemoryruntime.Client) {
	group := fmt.Sprintf("%s#%d", endpoint, p.stores.Add(1))
	p.manager.AddResourceGroup(group)
	return group, p.manager.GetResourceGroup(group).GetClient()
}

func (p *platform) dropStore(group string) { p.manager.DeleteResourceGroup(group) }

// newUID: the in-memory store gives objects no UID.
func newUID() types.UID { return types.UID(uuid.NewString()) }

func pemCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
