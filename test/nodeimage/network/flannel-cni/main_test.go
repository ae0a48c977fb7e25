package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dualStack = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_IPV6_NETWORK=fd00:10:244::/56
FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`

func TestTheBridgeGetsWhatFlanneldWrote(t *testing.T) {
	for _, c := range []struct{ name, config, subnets, want string }{
		{
			"dual stack", `{"cniVersion":"1.0.0","name":"cbr0","type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}`, dualStack,
			`{"cniVersion":"1.0.0","hairpinMode":true,"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}],[{"subnet":"fd00:10:244:1::/64"}]],` +
				`"routes":[{"dst":"10.244.0.0/16"},{"dst":"fd00:10:244::/56"}],"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,` +
				`"name":"cbr0","type":"bridge"}`,
		},
		{
			"the delegate's own words stand", `{"cniVersion":"0.3.1","name":"n","type":"flannel","delegate":{"type":"ptp","mtu":1300}}`,
			"FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\nFLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n",
			`{"cniVersion":"0.3.1","ipMasq":true,"ipam":{"ranges":[[{"subnet":"10.1.1.0/24"}]],"routes":[{"dst":"10.1.0.0/16"},{"dst":"10.2.0.0/16"}],` +
				`"type":"host-local"},"mtu":1300,"name":"n","type":"ptp"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := delegateOfFile(t, c.config, c.subnets)
			if err != nil || got != c.want {
				t.Fatalf("%v\n got %s\nwant %s", err, got, c.want)
			}
		})
	}
}

func TestASubnetFileThatIsWrongIsNamed(t *testing.T) {
	for subnets, want := range map[string]string{
		"":                            "names no subnet of this node",
		"FLANNEL_SUBNET=10.244.1.1":   "FLANNEL_SUBNET",
		dualStack + "FLANNEL_MTU=big": "FLANNEL_MTU",
	} {
		if _, err := delegateOfFile(t, `{"name":"n"}`, subnets); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", subnets, err)
		}
	}
	if _, err := readSubnets(filepath.Join(t.TempDir(), "absent")); err == nil || !strings.Contains(err.Error(), "has not written") {
		t.Error(err)
	}
}

func delegateOfFile(t *testing.T, config, subnets string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "subnet.env")
	if err := os.WriteFile(file, []byte(subnets), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load([]byte(config))
	if err != nil {
		return "", err
	}
	node, err := readSubnets(file)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(delegateOf(c, node))
	return string(text), err
}
