package olvmsim

import (
	"crypto"
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
)

const (
	caFileName    = "ca.pem"
	caKeyFileName = "ca-key.pem"

	caLifetime     = 10 * 365 * 24 * time.Hour
	serverLifetime = 365 * 24 * time.Hour
	// clockSkew keeps a new certificate valid for clients whose clock is behind.
	clockSkew = time.Hour
)

// authority is the engine's certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         []byte
}

// loadAuthority reads the authority kept in dir, or makes one and keeps it there, so that clients which trusted it once
// trust it after a restart.
func loadAuthority(dir string) (*authority, error) {
	certFile, keyFile := filepath.Join(dir, caFileName), filepath.Join(dir, caKeyFileName)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return createAuthority(certFile, keyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate authority in %s (remove %s and %s to get a new one): %w", dir, caFileName, caKeyFileName, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA || time.Now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("certificate authority in %s is not usable: remove %s and %s to get a new one", dir, caFileName, caKeyFileName)
	}
	return &authority{certificate: pair.Leaf, key: key, pem: encodePEM("CERTIFICATE", pair.Leaf.Raw)}, nil
}

func createAuthority(certFile, keyFile string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create certificate authority: %w", err)
	}
	template := newCertificate(pkix.Name{Organization: []string{"olvmsim"}, CommonName: "olvmsim engine CA"}, caLifetime)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("create certificate authority: %w", err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("create certificate authority: %w", err)
	}
	if err := os.WriteFile(keyFile, encodePEM("EC PRIVATE KEY", keyDER), 0o600); err != nil {
		return nil, fmt.Errorf("keep certificate authority: %w", err)
	}
	ca := &authority{certificate: certificate, key: key, pem: encodePEM("CERTIFICATE", der)}
	if err := os.WriteFile(certFile, ca.pem, 0o600); err != nil {
		return nil, fmt.Errorf("keep certificate authority: %w", err)
	}
	return ca, nil
}

// serverCertificate is a new certificate for the addresses listened on, localhost and 127.0.0.1.
func (a *authority) serverCertificate(addresses ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("create server certificate: %w", err)
	}
	template := newCertificate(pkix.Name{Organization: []string{"olvmsim"}, CommonName: "localhost"}, serverLifetime)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("create server certificate: %w", err)
		}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("create server certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key}, nil
}

func newCertificate(subject pkix.Name, lifetime time.Duration) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails, by its documentation
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: subject,
		NotBefore: time.Now().Add(-clockSkew), NotAfter: time.Now().Add(lifetime),
	}
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
