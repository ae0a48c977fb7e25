package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// readyTimeout bounds the start; a loaded machine needs tens of seconds, an idle one three.
const readyTimeout = 3 * time.Minute

const (
	// readyPath is ready when all is that the API server does by itself.
	readyPath = "/readyz"
	// usablePath does not wait for the default roles and priority classes, for which the API server looks a second after all else. They are for
	// others: whoever has the kubeconfig may do everything (group system:masters), and there are no pods.
	usablePath = readyPath + "?exclude=poststarthook/rbac/bootstrap-roles&exclude=poststarthook/scheduling/bootstrap-system-priority-classes"
)

func (c *controlPlane) startAPIServer(keys *pki, etcdSocket string) error {
	_, port, err := net.SplitHostPort(c.connections.Addr().String())
	if err != nil {
		return fmt.Errorf("API server address: %w", err)
	}
	o := apiserveroptions.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range o.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	err = flags.Parse([]string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=127.0.0.1",
		// By default it is that of the default route's interface, also where bind-address is loopback, and a machine may have no such route.
		// Nobody is told it: there is no endpoint reconciler.
		"--advertise-address=127.0.0.1",
		"--secure-port=" + port,
		"--tls-cert-file=" + keys.serving.certFile,
		"--tls-private-key-file=" + keys.serving.keyFile,
		"--client-ca-file=" + keys.caFile,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys.serviceAccountFile,
		"--service-account-signing-key-file=" + keys.serviceAccountFile,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--anonymous-auth=false",
		"--profiling=false",
		"--endpoint-reconciler-type=none",
	})
	if err != nil {
		return fmt.Errorf("kube-apiserver flags: %w", err)
	}
	o.SecureServing.Listener = c.connections // opened before, so that nobody can take the port in between
	if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("kube-apiserver feature gates: %w", err)
	}
	// The context outlives the signal: the API server stops when its clients have.
	ctx, cancel := context.WithCancel(context.Background())
	completed, err := o.Complete(ctx)
	if err != nil {
		cancel()
		return fmt.Errorf("kube-apiserver options: %w", err)
	}
	if errs := completed.Validate(); len(errs) > 0 {
		cancel()
		return fmt.Errorf("kube-apiserver options: %w", utilerrors.NewAggregate(errs))
	}
	c.stopAPIServer, c.apiServerDone = cancel, make(chan struct{})
	go func() {
		defer close(c.apiServerDone)
		if err := apiserver.Run(ctx, completed); err != nil && ctx.Err() == nil {
			c.failed <- fmt.Errorf("kube-apiserver: %w", err)
		}
	}()
	return nil
}

// wait returns when the API server answers for the path, or with the error that it failed with.
func (c *controlPlane) wait(ctx context.Context, keys *pki, path string, failed <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: keys.clientTLS()}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	var last error
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready: %w", errors.Join(ctx.Err(), last))
		case <-time.After(25 * time.Millisecond):
		}
		if last = probe(ctx, client, c.server+path); last == nil {
			return nil
		}
	}
}

func probe(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}
