package scripts

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

//go:embed testdata/demo.yaml
var demo string

// engine is a running simulator, seen by its administrator.
type engine struct {
	*programs.Engine
	t      testing.TB
	before olvmsim.State
	seen   int // calls in the journal that were made before
}

func startEngine(ts *testscript.TestScript, args []string) error {
	w := worldOf(ts)
	if len(args) > 1 || w.engine != nil {
		return errors.New("usage: engine [INVENTORY], once")
	}
	var options []string
	if len(args) == 1 {
		options = []string{"--inventory", ts.MkAbs(args[0])}
	}
	w.engine = &engine{Engine: programs.StartEngine(w.t, options...), t: w.t}
	ts.Setenv("ENGINE_URL", w.engine.URL)
	ts.Setenv("ENGINE_CA", w.engine.CAFile)
	w.engine.remember()
	return writeDemo(ts)
}

// writeDemo keeps a demo.yaml that the script itself brings.
func writeDemo(ts *testscript.TestScript) error {
	name := ts.MkAbs("demo.yaml")
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	values := map[string]string{"URL": ts.Getenv("ENGINE_URL"), "CA": ts.Getenv("ENGINE_CA"), "Net": ts.Getenv("NET")}
	return errors.Join(template.Must(template.New("demo").Parse(demo)).Execute(f, values), f.Close())
}

// remember takes the engine as it is now for unchanged.
func (e *engine) remember() { e.before, e.seen = e.Holds(e.t), len(e.Requests(e.t)) }

// unchanged compares what the engine holds, and expects no call of the API that could have changed anything. Paths outside the API,
// where users sign on and off, begin with a slash.
func (e *engine) unchanged() error {
	if now := e.Holds(e.t); !reflect.DeepEqual(e.before, now) {
		return fmt.Errorf("the engine held\n%+v\nand now holds\n%+v", e.before, now)
	}
	for _, r := range e.Requests(e.t)[e.seen:] {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasPrefix(r.Path, "/") {
			return fmt.Errorf("the engine was asked to change something: %s %s (status %d)", r.Method, r.Path, r.Status)
		}
	}
	return nil
}

func addOtherVM(ts *testscript.TestScript, args []string) error {
	w := worldOf(ts)
	if len(args) < 2 || w.engine == nil {
		return errors.New("usage: othervm NAME ADDRESS ..., after engine")
	}
	mark := machine.Mark{Cluster: "other/prod", Machine: "other/" + args[0]}
	for _, text := range args[1:] {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return err
		}
		mark.Addresses = append(mark.Addresses, a)
	}
	if err := w.engine.addVM(args[0], mark); err != nil {
		return err
	}
	w.engine.remember()
	return nil
}

// addVM makes a VM in the engine's first cluster and waits until it is there.
func (e *engine) addVM(name string, mark machine.Mark) error {
	ctx := context.Background()
	dataCenter, err := e.Client.DataCenterByName(ctx, "Default")
	if err != nil {
		return err
	}
	cluster, err := e.Client.ClusterByName(ctx, dataCenter.ID, "Default")
	if err != nil {
		return err
	}
	template, err := e.Client.TemplateByName(ctx, dataCenter.ID, "ock")
	if err != nil {
		return err
	}
	network, err := e.Client.NetworkByName(ctx, dataCenter.ID, "ovirtmgmt")
	if err != nil {
		return err
	}
	mark.Network = network.ID
	id := uuid.NewString()
	vm, err := e.Client.AddVM(ctx, ovirt.AddVM{
		ID: id, Name: name, Comment: mark.Comment(), ClusterID: cluster.ID, TemplateID: template.ID,
	}, machine.CorrelationID(id))
	for err == nil && vm.Status != ovirt.StatusDown {
		time.Sleep(20 * time.Millisecond)
		vm, err = e.Client.VM(ctx, id)
	}
	return err
}
