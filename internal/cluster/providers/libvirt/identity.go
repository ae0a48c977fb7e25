package libvirt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/cluster-api/util/certs"
	"sigs.k8s.io/cluster-api/util/kubeconfig"
	"sigs.k8s.io/cluster-api/util/secret"
)

// identity is what makes a cluster that cluster: its certificate authorities. We make it, so that nodes that join need nothing of the first one.
// It is kept in the first node's boot document on the host, and nowhere else.
type identity struct{ certificates secret.Certificates }

func newIdentity() (identity, error) {
	c := secret.NewCertificatesForInitialControlPlane(nil)
	if err := c.Generate(); err != nil {
		return identity{}, fmt.Errorf("make certificates: %w", err)
	}
	return identity{c}, nil
}

// readIdentity finds the identity in the boot document of a control plane node.
func readIdentity(document []byte) (identity, error) {
	var config types.Config
	if err := json.Unmarshal(document, &config); err != nil {
		return identity{}, errNoIdentity
	}
	files := map[string][]byte{}
	for _, f := range config.Storage.Files {
		if f.Contents.Source == nil {
			continue
		}
		if url, err := dataurl.DecodeString(*f.Contents.Source); err == nil {
			files[f.Path] = url.Data
		}
	}
	c := secret.NewCertificatesForInitialControlPlane(nil)
	for _, one := range c {
		one.KeyPair = &certs.KeyPair{Cert: files[one.CertFile], Key: files[one.KeyFile]}
	}
	if err := c.EnsureAllExist(); err != nil {
		return identity{}, errNoIdentity
	}
	return identity{c}, nil
}

// kubeconfig is an administrator's, valid for a year.
func (i identity) kubeconfig(cluster, server string) ([]byte, error) {
	pair := i.certificates.GetByPurpose(secret.ClusterCA).KeyPair
	certificate, err := certs.DecodeCertPEM(pair.Cert)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's certificate: %w", err)
	}
	key, err := certs.DecodePrivateKeyPEM(pair.Key)
	if err != nil || certificate == nil || key == nil {
		return nil, errNoIdentity
	}
	config, err := kubeconfig.New(cluster, "https://"+server, certificate, key)
	if err != nil {
		return nil, fmt.Errorf("make kubeconfig: %w", err)
	}
	return clientcmd.Write(*config)
}

// token is the bootstrap token of the cluster. It follows from the certificate authority's key, so that there is nothing more to keep.
func (i identity) token() string {
	mac := hmac.New(sha256.New, i.certificates.GetByPurpose(secret.ClusterCA).KeyPair.Key)
	mac.Write([]byte("bootstrap token"))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))
	return text[:6] + "." + text[6:22]
}

// authorityHashes are what joining nodes know the API server's certificate authority by.
func (i identity) authorityHashes() ([]string, error) {
	hashes, err := i.certificates.GetByPurpose(secret.ClusterCA).Hashes()
	if err != nil {
		return nil, fmt.Errorf("read the cluster's certificate: %w", err)
	}
	return hashes, nil
}
