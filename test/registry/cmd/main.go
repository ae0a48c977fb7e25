// Program registry serves images that are made of boot disks from the registry of the distribution project, over TLS and with a password,
// until it is interrupted. When everything can be pulled, it prints one line of JSON: the registry's address, the
// files with its authority and its credentials, and what was pushed. It keeps everything in the directory.
//
//	registry -dir DIR olcne/ock:1.31,amd64=boot.qcow2,arm64=other.qcow2 ...
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/ocne-project/ocne/test/registry"
)

func main() {
	dir := flag.String("dir", "", "`directory` of the registry: its storage, certificates and credentials")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *dir, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

// pushed is an image of the registry.
type pushed struct {
	Reference string `json:"reference"`
	// Digests of the images, by architecture.
	Digests map[string]string `json:"digests"`
}

func run(ctx context.Context, dir string, images []string) (err error) {
	if dir == "" {
		return errors.New("-dir is needed")
	}
	server, err := registry.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ready := struct {
		*registry.Server
		Images []pushed `json:"images"`
	}{Server: server}
	for _, text := range images {
		reference, disks, err := parse(text)
		if err != nil {
			return err
		}
		digests, err := server.Push(ctx, reference, disks)
		if err != nil {
			return err
		}
		ready.Images = append(ready.Images, pushed{Reference: server.Address + "/" + reference, Digests: digests})
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// parse understands REPOSITORY:TAG,ARCHITECTURE=FILE,...
func parse(text string) (reference string, disks map[string]string, err error) {
	reference, rest, _ := strings.Cut(text, ",")
	disks = map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		architecture, disk, ok := strings.Cut(part, "=")
		if !ok {
			return "", nil, fmt.Errorf("%q is not REPOSITORY:TAG,ARCHITECTURE=FILE,", text)
		}
		disks[architecture] = disk
	}
	return reference, disks, nil
}
