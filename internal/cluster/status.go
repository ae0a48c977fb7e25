package cluster

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/config"
)

// statusTimeout bounds what the status of a management cluster asks of it: one that hangs has a status, too.
const statusTimeout = 15 * time.Second

// The states of an embedded management cluster. Degraded means that one of its two processes has ended, or that its API does not answer.
const (
	ManagementAbsent   = "absent"
	ManagementStopped  = "stopped"
	ManagementRunning  = "running"
	ManagementDegraded = "degraded"
)

// ManagementStatus is how the embedded management cluster is.
type ManagementStatus struct {
	// State is absent, stopped, running or degraded.
	State string `json:"state"`
	// Problem is why it is degraded.
	Problem string `json:"problem,omitempty"`
	// Kept says that it stays when it manages nothing.
	Kept bool `json:"kept"`
	// Served says that 'ocne management start --foreground' keeps it running.
	Served bool `json:"served"`
	// Directory holds its state, which takes Bytes on the disk.
	Directory string `json:"directory"`
	Bytes     int64  `json:"bytes"`
	// Server is the URL of its API, and Kubeconfig the file to reach it with; empty when there is none.
	Server     string `json:"server,omitempty"`
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Since is when the process started that was started last; nil when none runs.
	Since     *time.Time         `json:"since,omitempty"`
	Processes []embedded.Process `json:"processes"`
	// Versions are known while it runs.
	Versions *ManagementVersions `json:"versions,omitempty"`
	// LastBackup is the newest that was made by itself; nil when there is none.
	LastBackup *backup.File `json:"lastBackup,omitempty"`
	// Clusters are what it manages. They are known while it runs.
	Clusters []Listed `json:"clusters"`
}

// ManagementVersions are what runs in a management cluster; a version that is not known is empty.
type ManagementVersions struct {
	Kubernetes string `json:"kubernetes,omitempty"`
	ClusterAPI string `json:"clusterAPI,omitempty"`
	// Provider is the OLVM provider's.
	Provider string `json:"provider,omitempty"`
}

// StatusOfManagement looks at the embedded management cluster. It starts nothing, and the error is about its directory only.
func StatusOfManagement(ctx context.Context, o ManagementOptions, b config.Backup) (*ManagementStatus, error) {
	seen, err := embedded.Inspect(o.embeddedDir())
	if err != nil {
		return nil, fmt.Errorf("embedded management cluster: %w", err)
	}
	status := &ManagementStatus{
		State: ManagementAbsent, Kept: seen.Kept, Served: seen.Served, Directory: o.embeddedDir(), Bytes: seen.Bytes,
		Processes: append([]embedded.Process{}, seen.Processes...), Clusters: []Listed{},
	}
	backups, err := backup.Directory{Path: b.Directory}.Files()
	if err != nil {
		return nil, err
	}
	if len(backups) > 0 {
		status.LastBackup = &backups[0]
	}
	for _, p := range seen.Processes {
		if status.Since == nil || p.Since.After(*status.Since) {
			status.Since = &p.Since
		}
	}
	switch {
	case !seen.Exists:
		return status, nil
	case len(seen.Processes) == 0:
		status.State, status.Kubeconfig = ManagementStopped, seen.Kubeconfig
		return status, nil
	}
	status.State, status.Kubeconfig = ManagementRunning, seen.Kubeconfig
	asking, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	if err := status.ask(asking); err != nil {
		status.State, status.Problem = ManagementDegraded, err.Error()
	}
	if !seen.Running() {
		status.State = ManagementDegraded
		status.Problem = fmt.Sprintf("only the process %s runs; the next command that needs the management cluster starts the other one",
			seen.Processes[0].Name)
	}
	return status, ctx.Err()
}

// ask fills in what only the API knows.
func (s *ManagementStatus) ask(ctx context.Context) error {
	restConfig, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		return err
	}
	s.Server = restConfig.Host
	api, err := rest.UnversionedRESTClientFor(withoutCodec(callsOfOcne(restConfig)))
	if err != nil {
		return err
	}
	if s.Versions, err = versionsOf(ctx, api); err != nil {
		return err
	}
	m := &Management{}
	if m.Client, err = newClient(restConfig); err != nil {
		return err
	}
	clusters, err := m.list(ctx)
	if err == nil {
		s.Clusters = clusters
	}
	return err
}

func versionsOf(ctx context.Context, api rest.Interface) (*ManagementVersions, error) {
	var kubernetes struct{ GitVersion string }
	if _, err := getJSON(ctx, api, "/version", &kubernetes); err != nil {
		return nil, fmt.Errorf("ask for the version of Kubernetes: %w", err)
	}
	versions := &ManagementVersions{Kubernetes: kubernetes.GitVersion}
	for _, p := range inventory(ctx, api) {
		switch {
		case p.Type == "CoreProvider":
			versions.ClusterAPI = p.Version
		case p.Type == "InfrastructureProvider" && p.ProviderName == "olvm":
			versions.Provider = p.Version
		}
	}
	return versions, nil
}
