package workload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteKubeconfig replaces a file as a whole, with mode 0600.
func WriteKubeconfig(path string, kubeconfig []byte) error {
	if err := replace(path, kubeconfig); err != nil {
		return fmt.Errorf("write the cluster's kubeconfig: %w", err)
	}
	return nil
}

func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
