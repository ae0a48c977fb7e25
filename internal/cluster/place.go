package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ocne-project/ocne/internal/cluster/record"
)

// clientConfig reads the files with the context that is remembered, if the record has chosen them.
func (o ManagementOptions) clientConfig(rules *clientcmd.ClientConfigLoadingRules) clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{}
	if o.recorded != nil && o.Flag == "" {
		overrides.CurrentContext = o.recorded.Context
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// locate completes a management cluster that kubeconfig files name with the way to it.
func (m *Management) locate(o ManagementOptions, rules *clientcmd.ClientConfigLoadingRules, loader clientcmd.ClientConfig, host string) error {
	raw, err := loader.RawConfig()
	if err != nil {
		return err
	}
	m.loader = loader
	m.place = record.Management{Kind: record.Kubeconfig, Server: withoutUser(host), Context: raw.CurrentContext}
	if r := o.recorded; r != nil && o.Flag == "" && r.Kind == record.Libvirt {
		m.place.Kind, m.place.Host, m.place.Cluster = r.Kind, r.Host, r.Cluster
	}
	if o.recorded != nil && o.Flag == "" && o.recorded.Context != "" && o.recorded.Context != raw.CurrentContext {
		m.Context, m.place.Context = o.recorded.Context, o.recorded.Context
	}
	files := rules.Precedence
	if rules.ExplicitPath != "" {
		files = []string{rules.ExplicitPath}
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil && len(files) > 1 {
			continue // kubectl leaves those out as well
		}
		path, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		m.place.Files = append(m.place.Files, path)
	}
	return nil
}

// oneFile is the path of a kubeconfig whose current context is the management cluster, for a library that takes nothing else. done removes
// what was written for that.
func (m *Management) oneFile() (path string, done func() error, err error) {
	if m.loader == nil || m.Kubeconfig != "" && m.Context == "" {
		return m.Kubeconfig, func() error { return nil }, nil
	}
	raw, err := m.loader.RawConfig()
	if err != nil {
		return "", nil, err
	}
	raw.CurrentContext = m.place.Context
	if err := errors.Join(clientcmdapi.MinifyConfig(&raw), clientcmdapi.FlattenConfig(&raw)); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "ocne-*") // mode 0700
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "kubeconfig")
	done = func() error { return os.RemoveAll(dir) }
	if err := clientcmd.WriteToFile(raw, path); err != nil { // mode 0600
		return "", nil, errors.Join(err, done())
	}
	return path, done, nil
}

// withoutUser leaves out of a URL what may be a password.
func withoutUser(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// server is the URL of its API.
func (m *Management) server() string {
	if m.embedded != nil {
		return m.embedded.Server
	}
	return m.place.Server
}

// located is the way to it with the URL of its API, which changes with each start of an embedded one.
func (m *Management) located() record.Management {
	p := m.place
	p.Server = m.server()
	return p
}

// identify finds out which cluster it is, whatever leads to it. An account that may not know is no error.
func (m *Management) identify(ctx context.Context) error {
	if m.place.UID != "" {
		return nil
	}
	id, err := clusterID(ctx, m.Client)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return fmt.Errorf("management cluster %s: %w", m.Description, err)
	}
	m.place.UID = id
	return nil
}

// expectRecorded refuses another cluster than the remembered one behind the same kubeconfig.
func (o ManagementOptions) expectRecorded(ctx context.Context, m *Management) error {
	if o.recorded == nil || o.Flag != "" || o.recorded.UID == "" {
		return nil
	}
	if err := m.identify(ctx); err != nil {
		return err
	}
	if m.place.UID != "" && m.place.UID != o.recorded.UID {
		return &otherClusterError{server: m.place.Server, have: m.place.UID, want: o.recorded.UID}
	}
	return nil
}

// otherClusterError says that a kubeconfig leads to another cluster than the remembered one.
type otherClusterError struct{ server, have, want string }

func (e *otherClusterError) Error() string {
	return fmt.Sprintf("its kubeconfig leads to another cluster now: the namespace kube-system at %s has the uid %s, and %s is remembered",
		e.server, e.have, e.want)
}

// forgetAll forgets what a management cluster of ours held that managed nothing any more and is gone. A cluster on its way may
// have come to the other one.
func (m *Management) forgetAll(ctx context.Context) error {
	if m.place.UID == "" {
		return nil
	}
	err := record.Of(m.homeDir).Forget(ctx, func(c record.Cluster) bool {
		return c.MovingTo == nil && c.Management.Kind == m.place.Kind && c.Management.Same(m.place)
	})
	var foreign *record.ForeignError
	var format *record.FormatError
	if errors.As(err, &foreign) || errors.As(err, &format) {
		return nil // told by whoever needs it
	}
	return err
}
