package rest

import (
	"fmt"
	"html"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// hiddenPassword is what the engine shows in place of a password.
const hiddenPassword = "******"

func initialization(body *Initialization) *engine.Initialization {
	if body == nil {
		return nil
	}
	out := &engine.Initialization{
		CustomScript: body.CustomScript, HostName: body.HostName, UserName: body.UserName, RootPassword: body.RootPassword,
		AuthorizedSSHKeys: body.AuthorizedSSHKeys, Timezone: body.Timezone, DNSServers: body.DNSServers, DNSSearch: body.DNSSearch,
		NetworkProtocol: body.CloudInitNetworkProtocol, RegenerateSSHKeys: (*bool)(body.RegenerateSSHKeys),
	}
	if value(body.RootPassword) == hiddenPassword {
		out.RootPassword = nil // a whole VM that is posted back
	}
	if body.NICConfigurations != nil {
		out.NICConfigurations = []engine.NICConfiguration{}
		for _, c := range body.NICConfigurations.NICConfiguration {
			out.NICConfigurations = append(out.NICConfigurations, engine.NICConfiguration{
				Name: c.Name, BootProtocol: c.BootProtocol, IPv6BootProtocol: c.IPv6BootProtocol, OnBoot: (*bool)(c.OnBoot),
				IP: (*engine.IP)(c.IP), IPv6: (*engine.IP)(c.IPv6),
			})
		}
	}
	return out
}

// initializationEnums are the enumerations in it.
func initializationEnums(body *Initialization) (enums []enum) {
	if body == nil {
		return nil
	}
	enums = append(enums, enum{value(body.CloudInitNetworkProtocol), "CloudInitNetworkProtocol", strings.Fields("eni openstack_metadata")})
	if body.NICConfigurations == nil {
		return enums
	}
	protocols, versions := strings.Fields("autoconf dhcp none poly_dhcp_autoconf static"), strings.Fields("v4 v6")
	for _, c := range body.NICConfigurations.NICConfiguration {
		enums = append(enums, enum{value(c.BootProtocol), "BootProtocol", protocols}, enum{value(c.IPv6BootProtocol), "BootProtocol", protocols})
		for _, ip := range []*IP{c.IP, c.IPv6} {
			if ip != nil {
				enums = append(enums, enum{value(ip.Version), "IpVersion", versions})
			}
		}
	}
	return enums
}

// showInitialization leaves out what is empty, and never shows the password.
func showInitialization(init *engine.Initialization) *Initialization {
	if init == nil {
		return &Initialization{}
	}
	given := func(s *string) *string {
		if s == nil || *s == "" {
			return nil
		}
		return s
	}
	out := &Initialization{
		AuthorizedSSHKeys: given(init.AuthorizedSSHKeys), CloudInitNetworkProtocol: given(init.NetworkProtocol),
		CustomScript: given(init.CustomScript), DNSSearch: given(init.DNSSearch), DNSServers: given(init.DNSServers),
		HostName: given(init.HostName), NICConfigurations: &NICConfigurations{}, RegenerateSSHKeys: ptr(Bool(false)),
		Timezone: given(init.Timezone), UserName: given(init.UserName),
	}
	if given(init.RootPassword) != nil {
		out.RootPassword = ptr(hiddenPassword)
	}
	if init.RegenerateSSHKeys != nil {
		out.RegenerateSSHKeys = ptr(Bool(*init.RegenerateSSHKeys))
	}
	for _, c := range init.NICConfigurations {
		out.NICConfigurations.NICConfiguration = append(out.NICConfigurations.NICConfiguration, NICConfiguration{
			Name: c.Name, BootProtocol: c.BootProtocol, IPv6BootProtocol: c.IPv6BootProtocol, OnBoot: (*Bool)(c.OnBoot),
			IP: showIP(c.IP), IPv6: showIP(c.IPv6),
		})
	}
	return out
}

func showIP(ip *engine.IP) *IP {
	return (*IP)(ip)
}

// ovf is a small part of the document that the engine writes for a VM.
func ovf(v engine.VM) *Configuration {
	return &Configuration{Type: "ovf", Data: fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>`+
		`<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/" ovf:version="4.4.0.0"><References/>`+
		`<Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`+
		`<Name>%s</Name><Description>%s</Description><Section ovf:id="%s"><Item><rasd:VirtualQuantity `+
		`xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">%d</rasd:VirtualQuantity></Item>`+
		`</Section></Content></ovf:Envelope>`, v.Name, html.EscapeString(v.Description), v.ID, v.Memory>>20)}
}
