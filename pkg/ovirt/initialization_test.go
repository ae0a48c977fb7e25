package ovirt

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCloudInitIsToldWhatIsSetOnly(t *testing.T) {
	for name, test := range map[string]struct {
		vm   AddVM
		want string // the initialization on the wire
	}{
		"nothing":       {AddVM{}, ``},
		"script alone":  {AddVM{CustomScript: "runcmd: []"}, `{"custom_script":"runcmd: []"}`},
		"names alone":   {AddVM{Initialization: Initialization{HostName: "n1", UserName: "core"}}, `{"host_name":"n1","user_name":"core"}`},
		"search domain": {AddVM{Initialization: Initialization{DNSSearch: []string{"a.example", "b.example"}}}, `{"dns_search":"a.example b.example"}`},
		"network": {AddVM{CustomScript: "x", Initialization: Initialization{
			DNSServers: []string{"192.0.2.1", "192.0.2.2"},
			NICs: []NICConfiguration{
				{Name: "enp1s0", OnBoot: true, BootProtocol: BootStatic, IPv4: &IPConfiguration{"192.0.2.10", "255.255.255.0", "192.0.2.254"},
					IPv6BootProtocol: BootStatic, IPv6: &IPConfiguration{Address: "2001:db8::10", Netmask: "64"}},
				{Name: "enp2s0", BootProtocol: BootDHCP, IPv6BootProtocol: BootAutoconf},
			},
		}}, `{"custom_script":"x","dns_servers":"192.0.2.1 192.0.2.2","nic_configurations":{"nic_configuration":[
			{"name":"enp1s0","on_boot":"true","boot_protocol":"static",
			 "ip":{"address":"192.0.2.10","netmask":"255.255.255.0","gateway":"192.0.2.254","version":"v4"},
			 "ipv6_boot_protocol":"static","ipv6":{"address":"2001:db8::10","netmask":"64","version":"v6"}},
			{"name":"enp2s0","on_boot":"false","boot_protocol":"dhcp","ipv6_boot_protocol":"autoconf"}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, replyJSON(http.StatusAccepted, vmReply))
			test.vm.ID, test.vm.Name = vmID, "demo-1"
			_, err := e.client(t).AddVM(t.Context(), test.vm, "c1")
			require.NoError(t, err)
			want := `{"id":"` + vmID + `","name":"demo-1","type":"server"`
			if test.want != "" {
				want += `,"initialization":` + test.want
			}
			require.JSONEq(t, want+"}", strings.TrimPrefix(e.carriedOut()[0], "POST /api/vms "))
		})
	}
}
