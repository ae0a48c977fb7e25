// Package credentials reads the account of an OLVMCluster from its Secret and CA ConfigMap, and keeps both from being deleted while
// they are still needed to clean up.
package credentials

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
)

// Keys of the credentials Secret.
const (
	UsernameKey = "username"
	PasswordKey = "password"
	ScopeKey    = "scope"
)

// MissingError says that the Secret does not exist or lacks a key.
type MissingError struct {
	Secret client.ObjectKey
	Key    string // "" when the Secret itself is missing
}

func (e *MissingError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("credentials Secret %s does not exist; create it with the keys %s and %s", e.Secret, UsernameKey, PasswordKey)
	}
	return fmt.Sprintf("credentials Secret %s has no key %s", e.Secret, e.Key)
}

// UnreadError says that the API server did not answer, which tells nothing about the credentials and passes by itself.
type UnreadError struct{ Err error }

func (e *UnreadError) Error() string { return e.Err.Error() }

func (e *UnreadError) Unwrap() error { return e.Err }

// unread leaves a refusal as it is: it stays until somebody gives the permission.
func unread(err error) error {
	if apierrors.IsForbidden(err) {
		return err
	}
	return &UnreadError{Err: err}
}

// Account of the engine that a cluster uses. A CA ConfigMap that does not exist is no error: the command line tool names one even
// when no CA is configured. Errors are a MissingError, an UnreadError, or the API server's refusal.
func Account(ctx context.Context, c client.Reader, cluster *infrav1.OLVMCluster) (engine.Account, error) {
	server := cluster.Spec.OLVMOvirtAPIServer
	account := engine.Account{URL: server.ServerURL, InsecureSkipTLSVerify: server.InsecureSkipTLSVerify}

	secret := &corev1.Secret{}
	key := objectKey(cluster, server.CredentialsSecret)
	if err := c.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return account, &MissingError{Secret: key}
		}
		return account, unread(fmt.Errorf("get credentials Secret %s: %w", key, err))
	}
	for _, required := range []string{UsernameKey, PasswordKey} {
		if len(secret.Data[required]) == 0 {
			return account, &MissingError{Secret: key, Key: required}
		}
	}
	account.Username, account.Password = string(secret.Data[UsernameKey]), string(secret.Data[PasswordKey])
	account.Scope = string(secret.Data[ScopeKey])

	if server.CAConfigMap == nil {
		return account, nil
	}
	ca := &corev1.ConfigMap{}
	key = objectKey(cluster, *server.CAConfigMap)
	if err := c.Get(ctx, key, ca); client.IgnoreNotFound(err) != nil {
		return account, unread(fmt.Errorf("get CA ConfigMap %s: %w", key, err))
	}
	for _, name := range slices.Sorted(maps.Keys(ca.Data)) {
		account.CA = append(account.CA, ca.Data[name]...)
		account.CA = append(account.CA, '\n')
	}
	return account, nil
}

// Protect puts a finalizer on the Secret and the CA ConfigMap: without them the engine could not be cleaned up. They also move along
// when their cluster does.
func Protect(ctx context.Context, c client.Client, cluster *infrav1.OLVMCluster) error {
	return each(ctx, c, cluster, protect(cluster))
}

// Release takes the cluster's finalizers away; clusters that share an object have one each.
func Release(ctx context.Context, c client.Client, cluster *infrav1.OLVMCluster) error {
	return each(ctx, c, cluster, controllerutil.RemoveFinalizer)
}

// finalizer is the cluster's own. It is made of its name: the UID changes when it moves to another management cluster.
func finalizer(cluster *infrav1.OLVMCluster) string {
	sum := sha256.Sum256([]byte(cluster.Namespace + "/" + cluster.Name))
	return infrav1.CredentialsFinalizer + "-" + hex.EncodeToString(sum[:4])
}

func each(ctx context.Context, c client.Client, cluster *infrav1.OLVMCluster, change func(client.Object, string) bool) error {
	server, own := cluster.Spec.OLVMOvirtAPIServer, finalizer(cluster)
	if err := patch(ctx, c, objectKey(cluster, server.CredentialsSecret), &corev1.Secret{}, own, change); err != nil {
		return err
	}
	if server.CAConfigMap == nil {
		return nil
	}
	return patch(ctx, c, objectKey(cluster, *server.CAConfigMap), &corev1.ConfigMap{}, own, change)
}

func patch(ctx context.Context, c client.Client, key client.ObjectKey, o client.Object, own string, change func(client.Object, string) bool) error {
	if err := c.Get(ctx, key, o); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("get %s: %w", key, err)
	}
	before := o.DeepCopyObject().(client.Object)
	if !change(o, own) {
		return nil
	}
	// A patch replaces the whole list: without the lock it could drop the finalizer of another cluster.
	if err := c.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch finalizers of %s: %w", key, err)
	}
	return nil
}

func objectKey(cluster *infrav1.OLVMCluster, ref infrav1.ObjectReference) client.ObjectKey {
	return client.ObjectKey{Namespace: cmp.Or(ref.Namespace, cluster.Namespace), Name: ref.Name}
}
