package servingcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// fileName holds key, serving certificate and CA in one file, so that they are replaced together.
const fileName = "webhook.pem"

// load reads the pair that an earlier process left in dir. It returns os.ErrNotExist when there is none.
func load(dir string) (pair, error) {
	content, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		return pair{}, err
	}
	var key *ecdsa.PrivateKey
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "CERTIFICATE":
			var certificate *x509.Certificate
			certificate, err = x509.ParseCertificate(block.Bytes)
			certificates = append(certificates, certificate)
		}
		if err != nil {
			return pair{}, fmt.Errorf("%s: %w", filepath.Join(dir, fileName), err)
		}
	}
	if key == nil || len(certificates) != 2 || !key.PublicKey.Equal(certificates[0].PublicKey) {
		return pair{}, fmt.Errorf("%s: not a key with its certificate and CA", filepath.Join(dir, fileName))
	}
	leaf := certificates[0]
	serving := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	return pair{serving: serving, ca: certificates[1]}, nil
}

// save writes the pair where load finds it, readable by this user only. An empty dir keeps it in memory.
func save(dir string, p pair) error {
	if dir == "" {
		return nil
	}
	key, ok := p.serving.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the serving key is not an ECDSA key")
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the serving key: %w", err)
	}
	var content bytes.Buffer
	content.Write(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	content.Write(bundle([]*x509.Certificate{p.serving.Leaf, p.ca}))

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory that existed already may be open to others
		return err
	}
	file, err := os.CreateTemp(dir, fileName+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content.Bytes())
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, fileName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the webhook certificate: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// usable says whether the pair serves every host, is trusted by its own CA, and is not due for rotation.
func (p pair) usable(hosts []string, lifetime time.Duration, now time.Time) bool {
	if now.After(p.rotateAt(lifetime)) {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.ca)
	for _, host := range hosts {
		if _, err := p.serving.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now}); err != nil {
			return false
		}
	}
	return true
}

// rotateAt leaves a third of the lifetime to publish the next CA, however often that fails.
func (p pair) rotateAt(lifetime time.Duration) time.Time {
	return p.serving.Leaf.NotAfter.Add(-lifetime / 3)
}
