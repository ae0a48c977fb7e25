package servingcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// clockSkew is how far the API server's clock may be behind ours.
const clockSkew = 5 * time.Minute

// pair is a serving certificate and the CA that signed it and nothing else: the CA's key is thrown away at once.
type pair struct {
	serving tls.Certificate // with Leaf
	ca      *x509.Certificate
}

// issue makes a CA and a serving certificate for hosts (IP addresses or DNS names), both valid for lifetime from now.
func issue(hosts []string, lifetime time.Duration, now time.Time) (pair, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("generate the CA's key: %w", err)
	}
	caTemplate, err := template("ocne-manager webhook CA", lifetime, now)
	if err != nil {
		return pair{}, err
	}
	caTemplate.IsCA, caTemplate.BasicConstraintsValid = true, true
	caTemplate.KeyUsage = x509.KeyUsageCertSign
	ca, err := sign(caTemplate, caTemplate, &caKey.PublicKey, caKey)
	if err != nil {
		return pair{}, err
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("generate the serving key: %w", err)
	}
	servingTemplate, err := template("ocne-manager webhooks", lifetime, now)
	if err != nil {
		return pair{}, err
	}
	servingTemplate.KeyUsage = x509.KeyUsageDigitalSignature
	servingTemplate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			servingTemplate.IPAddresses = append(servingTemplate.IPAddresses, ip)
		} else {
			servingTemplate.DNSNames = append(servingTemplate.DNSNames, host)
		}
	}
	leaf, err := sign(servingTemplate, ca, &key.PublicKey, caKey)
	if err != nil {
		return pair{}, err
	}
	serving := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	return pair{serving: serving, ca: ca}, nil
}

func template(commonName string, lifetime time.Duration, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		// The serial number makes the names of successive CAs differ, so that a verifier finds the right one in a bundle.
		Subject:   pkix.Name{CommonName: commonName, SerialNumber: serial.Text(16)},
		NotBefore: now.Add(-clockSkew),
		NotAfter:  now.Add(lifetime),
	}, nil
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(raw)
}

// bundle returns the certificates in PEM.
func bundle(certificates []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, certificate := range certificates {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	}
	return out.Bytes()
}
