package guest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// authority is a certificate authority as kubeadm finds it below /etc/kubernetes/pki.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pool *x509.CertPool
}

// readAuthority reads prefix.crt and prefix.key; it returns nil when the document has neither.
func readAuthority(doc *document, prefix string) (*authority, error) {
	crt, hasCrt := doc.files[prefix+".crt"]
	key, hasKey := doc.files[prefix+".key"]
	if !hasCrt && !hasKey {
		return nil, nil
	}
	certs, err := cert.ParseCertsPEM(crt.data)
	if err != nil || !certs[0].IsCA {
		return nil, fmt.Errorf("%s.crt is not a CA certificate in PEM", prefix)
	}
	parsed, err := keyutil.ParsePrivateKeyPEM(key.data)
	if err != nil {
		return nil, fmt.Errorf("%s.key is not a private key in PEM", prefix)
	}
	signer, ok := parsed.(crypto.Signer)
	if public, isKey := certs[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !isKey || !public.Equal(signer.Public()) {
		return nil, fmt.Errorf("%s.key does not belong to %s.crt", prefix, prefix)
	}
	a := &authority{cert: certs[0], key: signer, pool: x509.NewCertPool()}
	a.pool.AddCert(a.cert)
	return a, nil
}

// pin is the hash by which kubeadm join knows the cluster's CA: of its public key, not of the certificate.
func (a *authority) pin() string {
	sum := sha256.Sum256(a.cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// issue makes a certificate for one year, like kubeadm's.
func (a *authority) issue(commonName string, names []string, usage ...x509.ExtKeyUsage) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key of %s: %w", commonName, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("generate serial number of %s: %w", commonName, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName},
		NotBefore: a.cert.NotBefore, NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: usage,
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", commonName, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
