// Command packages writes a release of the provider for clusterctl and Helm: a provider repository of clusterctl, and the chart. Run it with
// "make packages" or, from the top of the tree, "go run ./hack/packages -version v1.2.3 bin/packages".
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/ocne-project/ocne/hack/generate/packages"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("packages", flag.ContinueOnError)
	version := flags.String("version", packages.Version, "version of the release, a semantic version")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name the directory of the release")
	}
	components, chart, err := packages.Release(".", *version, flags.Arg(0))
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", components, chart)
	return nil
}
