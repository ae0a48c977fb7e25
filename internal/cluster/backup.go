package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/capi/objects"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// BackupOptions say what to back up, and where to.
type BackupOptions struct {
	// Management chooses the management cluster by Flag, which is the embedded one when empty. Nothing else of it chooses.
	Management ManagementOptions
	// Backup gives the directory and the key file.
	Backup config.Backup
	// File to write in the place of one in the directory.
	File string
}

// BackUp writes all objects of a management cluster into one encrypted file, and returns its name.
func BackUp(ctx context.Context, o BackupOptions, report progress.Reporter) (path string, err error) {
	m, err := o.Management.openOnly(ctx, report)
	if err != nil {
		return "", err
	}
	path, err = m.backUp(ctx, o, report)
	return path, errors.Join(err, m.Close())
}

// openOnly opens the management cluster that Flag names, or the embedded one; it must exist.
func (o ManagementOptions) openOnly(ctx context.Context, report progress.Reporter) (*Management, error) {
	o = o.only()
	m, err := OpenExistingManagement(ctx, o, report)
	if errors.Is(err, ErrNoManagement) {
		return nil, &AdvisedError{
			Err:    errors.New("there is no embedded management cluster"),
			Advice: "Name another management cluster with --kubeconfig.",
		}
	}
	return m, err
}

// only leaves out what chooses a management cluster without being named on the command line.
func (o ManagementOptions) only() ManagementOptions {
	getenv := o.Getenv
	o.Config = ""
	o.Getenv = func(name string) string {
		if name == "KUBECONFIG" {
			return ""
		}
		return getenv(name)
	}
	return o
}

func (m *Management) backUp(ctx context.Context, o BackupOptions, report progress.Reporter) (path string, err error) {
	key, created, err := backup.EnsureKey(o.Backup.KeyFile, time.Now())
	if err != nil {
		return "", err
	}
	if created {
		report.Step(fmt.Sprintf("Made the key %s, without which no backup can be read: keep a copy of it on another machine", o.Backup.KeyFile))
	}
	c, err := m.content(ctx)
	if err != nil {
		return "", err
	}
	if o.File != "" {
		return o.File, backup.Write(o.File, key, c)
	}
	return backup.Directory{Path: o.Backup.Directory, Keep: o.Backup.Keep}.Save(key, c)
}

// content reads everything.
func (m *Management) content(ctx context.Context) (backup.Content, error) {
	c := backup.Content{Created: time.Now().UTC()}
	var err error
	if c.Source, err = m.source(ctx); err != nil {
		return c, err
	}
	restConfig, err := clientcmd.BuildConfigFromFlags("", m.Kubeconfig)
	if err != nil {
		return c, fmt.Errorf("kubeconfig of the management cluster: %w", err)
	}
	reader, err := objects.NewReader(callsOfOcne(restConfig))
	if err != nil {
		return c, err
	}
	all, settled, err := reader.Read(ctx)
	if err != nil {
		return c, fmt.Errorf("back up the management cluster: %w", err)
	}
	for _, found := range clustersIn(all) {
		if found.GetAnnotations()[moveAnnotation] != "" {
			return c, &AdvisedError{
				Err:    fmt.Errorf("cluster %s is being moved or restored: only a part of its objects is here", client.ObjectKeyFromObject(found)),
				Advice: "Nothing was written. Run the command again that moved or restored it, then this one.",
			}
		}
	}
	c.Objects, c.Settled = all, settled
	return c, nil
}

// source says which management cluster this is, and how to reach it.
func (m *Management) source(ctx context.Context) (backup.Source, error) {
	id, err := clusterID(ctx, m.Client)
	if err != nil {
		return backup.Source{}, err
	}
	kubeconfig, err := os.ReadFile(m.Kubeconfig)
	if err != nil {
		return backup.Source{}, fmt.Errorf("kubeconfig of the management cluster: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return backup.Source{}, fmt.Errorf("name of this machine: %w", err)
	}
	return backup.Source{ID: id, Description: m.Description, Host: host, Kubeconfig: kubeconfig}, nil
}

// clusterID is what no two clusters have in common: the id of their namespace kube-system.
func clusterID(ctx context.Context, c client.Client) (string, error) {
	namespace := &corev1.Namespace{}
	if err := c.Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, namespace); err != nil {
		return "", fmt.Errorf("tell which management cluster it is: %w", err)
	}
	return string(namespace.UID), nil
}

// clustersIn are the Clusters among objects.
func clustersIn(all []*unstructured.Unstructured) (found []*unstructured.Unstructured) {
	for _, o := range all {
		if o.GroupVersionKind().GroupKind() == clusterv1.GroupVersion.WithKind("Cluster").GroupKind() {
			found = append(found, o)
		}
	}
	return found
}

// backUpAfter backs a management cluster of ours up if the command has written to it, whether the command has succeeded or not, and it holds a
// cluster. That a backup fails is told, and changes nothing of what the command has done.
func (m *Management) backUpAfter(ctx context.Context, b config.Backup, report progress.Reporter) {
	if m.writes == nil || !m.writes.wrote || b.Disabled {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	idle, err := m.idle(ctx)
	if err == nil && !idle {
		_, err = m.backUp(ctx, BackupOptions{Backup: b}, report)
	}
	if err != nil {
		report.Warn(fmt.Sprintf("The management cluster is not backed up: %v. What the command has done is not affected. "+
			"When the cause is gone, run: %s", err, m.backupCommand()))
	}
}

// backupCommand is the command line that backs it up. Without a kubeconfig, that is done with the embedded one only.
func (m *Management) backupCommand() string {
	if m.hosted != nil {
		return "ocne management backup --kubeconfig " + m.Kubeconfig
	}
	return "ocne management backup"
}
