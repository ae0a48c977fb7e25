package upload

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/config"
)

func TestArguments(t *testing.T) {
	file, version, args := "boot.qcow2-1.33-amd64.olvm", "1.33", "debug"
	for name, test := range map[string]struct {
		args []string
		want *Options
	}{
		"none": {nil, &Options{}},
		"what scripts of the existing ocne give": {
			[]string{"--type", "olvm", "--file", file, "--arch", "amd64", "--config", "demo.yaml", "-k", "kubeconfig", "-v", version},
			&Options{ImageSource: cli.ImageSource{ConfigFile: "demo.yaml", Reference: &file, Version: &version, Architecture: "amd64"}},
		},
		"where it goes": {
			[]string{"--template", "ock", "--storage-domain", "data", "--olvm-cluster", "Default", "--writers", "4", "-K", args},
			&Options{Template: "ock", StorageDomain: "data", HostCluster: "Default", Writers: 4, ImageSource: cli.ImageSource{KernelArgs: &args}},
		},
		"another kind of image":   {[]string{"--type", "oci"}, nil},
		"an unknown architecture": {[]string{"--arch", "sparc"}, nil},
		"a free argument":         {[]string{"demo"}, nil},
		"too many connections":    {[]string{"--writers", "256"}, nil},
	} {
		t.Run(name, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}

func TestWhatIsNotSaidIsTold(t *testing.T) {
	o := &Options{}
	_, err := o.target(&config.Config{})
	for _, missing := range []string{"vmTemplateName", "olvmOvirtClusterName", "storageDomainName", "--template", "--olvm-cluster", "--storage-domain"} {
		require.ErrorContains(t, err, missing)
	}
	o.Template, o.HostCluster, o.StorageDomain = "ock", "Default", "data"
	target, err := o.target(&config.Config{})
	require.NoError(t, err)
	require.Equal(t, "ock", target.Template)
}
