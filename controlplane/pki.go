package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour // leaves are made anew at every start
	clockSkew    = time.Hour
)

// pki is the control plane's own certificate authority and the certificates that it signed. The authority and the service
// account key are kept between starts, the rest is made anew.
type pki struct {
	dir                string
	caFile             string
	serviceAccountFile string
	ca                 *x509.Certificate
	caKey              *ecdsa.PrivateKey
	serving, admin     *keyPair
}

type keyPair struct {
	certFile, keyFile string
	cert, key         []byte // PEM
}

func loadPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	p := &pki{dir: dir, caFile: filepath.Join(dir, "ca.crt"), serviceAccountFile: filepath.Join(dir, "sa.key")}
	if err := p.loadCA(); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	if _, err := loadKey(p.serviceAccountFile); err != nil {
		return nil, fmt.Errorf("service account key: %w", err)
	}
	var err error
	p.serving, err = p.issue("apiserver", x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	p.admin, err = p.issue("admin", x509.Certificate{
		Subject:     pkix.Name{CommonName: "ocne-admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return p, err
}

func (p *pki) loadCA() error {
	key, err := loadKey(filepath.Join(p.dir, "ca.key"))
	if err != nil {
		return err
	}
	p.caKey = key
	b, err := os.ReadFile(p.caFile)
	if err == nil {
		block, _ := pem.Decode(b)
		if block == nil {
			return fmt.Errorf("%s holds no certificate", p.caFile)
		}
		p.ca, err = x509.ParseCertificate(block.Bytes)
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ocne-management-ca"},
		NotBefore: time.Now().Add(-clockSkew), NotAfter: time.Now().Add(caLifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return os.WriteFile(p.caFile, encodeCert(der), 0o600)
}

func (p *pki) issue(name string, t x509.Certificate) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", name, err)
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, fmt.Errorf("serial number of %s: %w", name, err)
	}
	t.NotBefore, t.NotAfter, t.KeyUsage = time.Now().Add(-clockSkew), time.Now().Add(leafLifetime), x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, &t, p.ca, key.Public(), p.caKey)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", name, err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", name, err)
	}
	pair := &keyPair{certFile: filepath.Join(p.dir, name+".crt"), keyFile: filepath.Join(p.dir, name+".key"), cert: encodeCert(der), key: encoded}
	return pair, errors.Join(os.WriteFile(pair.certFile, pair.cert, 0o600), os.WriteFile(pair.keyFile, pair.key, 0o600))
}

func (p *pki) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	pair, err := tls.X509KeyPair(p.admin.cert, p.admin.key)
	if err != nil { // both were encoded a moment ago by this process
		return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

func (p *pki) writeKubeconfig(file, server string) error {
	const name = "ocne-management"
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: encodeCert(p.ca.Raw)}
	cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: p.admin.cert, ClientKeyData: p.admin.key}
	cfg.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	cfg.CurrentContext = name
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	temporary := file + ".new"
	return errors.Join(os.WriteFile(temporary, b, 0o600), os.Rename(temporary, file))
}

// loadKey reads an EC key, or makes one when the file does not exist yet.
func loadKey(file string) (*ecdsa.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		block, _ := pem.Decode(b)
		if block == nil {
			return nil, fmt.Errorf("%s holds no key", file)
		}
		return x509.ParseECPrivateKey(block.Bytes)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, encoded, 0o600)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
