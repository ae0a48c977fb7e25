// Command ocne-manager runs the controllers: the OLVM infrastructure provider alone, or together with Cluster API core, kubeadm
// bootstrap and kubeadm control plane in management clusters that ocne owns.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	// An image without certificates of its own trusts those of Mozilla, as of the pinned version of the module. Where the system has
	// some, or the user mounts some, these are not used.
	_ "golang.org/x/crypto/x509roots/fallback"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker.
var version = "dev"

func main() {
	config, err := parseFlags(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "ocne-manager:", err)
		os.Exit(2)
	case config.showVersion:
		fmt.Println("ocne-manager", version)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	if err := setupLog(os.Stderr, config.verbosity); err != nil {
		fmt.Fprintln(os.Stderr, "ocne-manager:", err)
		os.Exit(1) //nolint:gocritic // nothing was started yet
	}
	if err := run(ctx, config, os.Stdout); err != nil {
		ctrl.Log.WithName("main").Error(err, "ocne-manager stops")
		os.Exit(1)
	}
}
