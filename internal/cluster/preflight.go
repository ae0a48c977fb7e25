package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// checkTimeout bounds everything that is asked of the engine before a cluster is made.
const checkTimeout = time.Minute

// checkEngine logs in and looks up what the configuration names, before anything is made and before the credentials of a running
// cluster are replaced by ones that do not work.
func checkEngine(ctx context.Context, o CreateOptions, p *plan, report progress.Reporter) error {
	server := o.Config.OLVM.APIServer
	engine, err := ovirt.New(engineConfig(server, p))
	if err != nil {
		return fmt.Errorf("engine %s: %w", server.ServerURL, err)
	}
	defer engine.Close()
	err = checkNames(ctx, engine, o.Config.OLVM)
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	_ = engine.Logout(afterwards) // else the engine ends the session when it has idled
	if err == nil {
		report.Step(fmt.Sprintf("Engine %s: the login works, and everything that the machines need is there", server.ServerURL))
		return nil
	}
	err = fmt.Errorf("engine %s: %w", server.ServerURL, err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	rules, _ := o.Management.kubeconfigSource()
	// The controllers may be nearer to the engine than this machine, and a CA that users keep in the management cluster is not known here.
	onlyFromHere := rules != nil && !untrusted || untrusted && p.ca == nil && server.CAConfigMap.Name != ""
	if ovirt.KindOf(err) == ovirt.Unavailable && onlyFromHere && ctx.Err() == nil {
		report.Warn(fmt.Sprintf("What the configuration names in the engine was not checked: %v", err))
		return nil
	}
	return &AdvisedError{Err: err, Advice: engineAdvice(err, untrusted) + "\nNothing was changed."}
}

func engineConfig(server config.APIServer, p *plan) ovirt.Config {
	c := ovirt.Config{
		URL:                   server.ServerURL,
		Username:              p.account.Username,
		Password:              p.account.Password,
		Scope:                 p.account.Scope,
		InsecureSkipTLSVerify: server.InsecureSkipTLSVerify,
	}
	if p.ca != nil {
		c.CA = []byte(strings.Join(slices.Collect(maps.Values(p.ca.Data)), "\n"))
	}
	return c
}

func engineAdvice(err error, untrusted bool) string {
	switch kind := ovirt.KindOf(err); {
	case untrusted:
		return "Give the engine's CA with the key providers.olvm.olvmOvirtAPIServer.serverCAPath or serverCA."
	case kind == ovirt.Auth:
		return fmt.Sprintf("Set %s and %s, or what credentialsFile holds, to an account of this engine.",
			config.UsernameVariable, config.PasswordVariable)
	case kind == ovirt.NotFound:
		return "Correct the names in the configuration, or let the account see the objects."
	}
	return "Check providers.olvm.olvmOvirtAPIServer.serverURL, the network between here and the engine, and the engine itself."
}

// checkNames finds everything that is missing, not only the first thing.
func checkNames(ctx context.Context, engine *ovirt.Client, where config.OLVM) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := engine.System(ctx); err != nil {
		return err
	}
	dataCenter, err := engine.DataCenterByName(ctx, where.DatacenterName)
	if err != nil {
		return fmt.Errorf("providers.olvm.olvmDatacenterName: %w", err)
	}
	err = errors.Join(
		checkMachine(ctx, engine, dataCenter.ID, "providers.olvm.controlPlaneMachine", where.ControlPlaneMachine),
		checkMachine(ctx, engine, dataCenter.ID, "providers.olvm.workerMachine", where.WorkerMachine),
	)
	if err != nil {
		return fmt.Errorf("not everything that the machines need was found:\n%w", err)
	}
	return nil
}

func checkMachine(ctx context.Context, engine *ovirt.Client, dataCenterID, key string, m config.Machine) error {
	_, clusterErr := engine.ClusterByName(ctx, dataCenterID, m.OLVMOvirtClusterName)
	_, templateErr := engine.TemplateByName(ctx, dataCenterID, m.VMTemplateName)
	network, networkErr := engine.NetworkByName(ctx, dataCenterID, m.OLVMNetwork.NetworkName)
	var profileErr error
	if networkErr == nil {
		_, profileErr = engine.VNICProfileByName(ctx, network.ID, m.OLVMNetwork.VNICProfileName)
	}
	return errors.Join(
		finding(key+".olvmOvirtClusterName", clusterErr),
		finding(key+".vmTemplateName", templateErr),
		finding(key+".olvmNetwork.networkName", networkErr),
		finding(key+".olvmNetwork.vnicProfileName", profileErr),
	)
}

// finding is one line of several.
func finding(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("  %s: %w", key, err)
}
