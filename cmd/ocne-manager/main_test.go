package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ocne-project/ocne/internal/capi"
)

func TestByDefaultItIsTheOrdinaryProvider(t *testing.T) {
	c, err := parseFlags(nil)
	require.NoError(t, err)
	require.Equal(t, capi.OLVM, c.providers)
	require.False(t, c.install)
}

func TestFlagsThatContradictEachOtherAreExplained(t *testing.T) {
	const bundle = "--providers=core,bootstrap,control-plane,olvm"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{bundle}, "need --install"},
		{[]string{"--install"}, "--install needs --providers=core,bootstrap,control-plane,olvm"},
		{[]string{bundle, "--install", "--webhook-bind=0.0.0.0:9443"}, "name the one address that the API server calls"},
		{[]string{bundle, "--install", "--webhook-bind=9443"}, "--webhook-bind"},
		{[]string{bundle, "--install", "--webhook-bind=:9443", "--webhook-service=ocne-system"}, "write NAMESPACE/NAME"},
		{[]string{"--providers=core"}, `choose "olvm"`},
		{[]string{"start"}, `unknown argument "start"`},
	} {
		_, err := parseFlags(test.args)
		require.ErrorContains(t, err, test.want, test.args)
	}
}

// The ocne command line tool takes lines with ERROR, splits them at tabs and shows the fourth field.
func TestErrorsAreOneLineWithTheMessageInTheFourthField(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, setupLog(&out, 0))
	ctrl.Log.WithName("olvmmachine").Error(errors.New("no space"), "create VM demo-1")
	ctrl.Log.Error(errors.New("no space"), "without a name of its own")
	klog.ErrorS(errors.New("no space"), "from a library")
	ctrl.Log.V(1).Info("not shown")

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3)
	for i, message := range []string{"create VM demo-1", "without a name of its own", "from a library"} {
		fields := strings.Split(lines[i], "\t")
		require.Regexp(t, `^.*\s+(ERROR)\s+.*$`, lines[i])
		require.Equal(t, "ERROR", fields[1])
		require.Equal(t, message, fields[3])
		require.Contains(t, fields[4], "no space")
	}
}
