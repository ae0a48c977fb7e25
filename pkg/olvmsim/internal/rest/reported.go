package rest

import (
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// listReported shows what the guest's agent says of its network interfaces: nothing before it talks. Below a NIC it is what
// concerns that NIC.
func (s *Server) listReported(r *request) (collection, error) {
	h, err := s.hardwareOf(r)
	if err != nil {
		return collection{}, err
	}
	report := s.Engine.Reported(*h.vm)
	var devices []engine.GuestReport
	href := ref("vms", h.of.id).Href
	if len(report.Addresses) > 0 {
		devices = append(devices, report)
	}
	if _, ok := r.ids["nic"]; ok {
		nic, err := h.nic(r)
		if err != nil {
			return collection{}, err
		}
		href += "/nics/" + nic.ID
		if nic.MAC != report.MAC {
			devices = nil
		}
	}
	return collect("reported_device", devices, func(d engine.GuestReport) item {
		return item{d.ID, search.Fields{"id": {d.ID}, "name": {d.Interface}}, func() any { return showReported(d, h.of.id, href) }}
	}), nil
}

func showReported(d engine.GuestReport, vmID, parent string) ReportedDevice {
	out := ReportedDevice{
		Description: "guest reported data", Href: parent + "/reporteddevices/" + d.ID, ID: d.ID, IPs: &IPs{}, Name: d.Interface,
		Type: "network", VM: ref("vms", vmID),
	}
	if d.MAC != "" {
		out.MAC = &MAC{Address: d.MAC}
	}
	for _, a := range d.Addresses {
		version := "v4"
		if strings.Contains(a, ":") {
			version = "v6"
		}
		out.IPs.IP = append(out.IPs.IP, IP{Address: ptr(a), Version: ptr(version)})
	}
	return out
}

// figure is one statistic of a VM or NIC.
type figure struct {
	name, description, kind, valueType, unit string
	datum                                    float64
}

func (f figure) item(parent string, vm, nic *Ref) item {
	id := catalogID("statistic", parent+"/"+f.name)
	return item{id, search.Fields{"id": {id}, "name": {f.name}}, func() any {
		return Statistic{
			Description: f.description, Href: parent + "/statistics/" + id, ID: id, Kind: f.kind, Name: f.name, NIC: nic, Type: f.valueType, Unit: f.unit,
			Values: &StatisticValues{Value: []StatisticValue{{f.datum}}}, VM: vm,
		}
	}}
}

// listVMStatistics shows figures of a VM that does nothing.
func (s *Server) listVMStatistics(r *request) (collection, error) {
	h, err := s.hardwareOf(r)
	if err != nil {
		return collection{}, err
	}
	used := 0.0
	if h.vm.HostID != "" {
		used = float64(h.vm.Memory) / 4 // any part of it
	}
	self := ref("vms", h.of.id)
	return collect("statistic", []figure{
		{"memory.installed", "Total memory configured", "gauge", "integer", "bytes", float64(h.vm.Memory)},
		{"memory.used", "Memory used (agent)", "gauge", "integer", "bytes", used},
		{"cpu.current.guest", "CPU used by guest", "gauge", "decimal", "percent", 0},
		{"cpu.current.hypervisor", "CPU overhead", "gauge", "decimal", "percent", 0},
		{"cpu.current.total", "Total CPU used", "gauge", "decimal", "percent", 0},
		{"migration.progress", "Migration Progress", "gauge", "integer", "percent", 0},
	}, func(f figure) item { return f.item(self.Href, self, nil) }), nil
}

// listNICStatistics shows figures of a NIC that carries nothing.
func (s *Server) listNICStatistics(r *request) (collection, error) {
	h, err := s.hardwareOf(r)
	if err != nil {
		return collection{}, err
	}
	nic, err := h.nic(r)
	if err != nil {
		return collection{}, err
	}
	parent := ref(h.of.collection, h.of.id).Href + "/nics/" + nic.ID
	return collect("statistic", []figure{
		{"data.current.rx", "Receive data rate", "gauge", "decimal", "bytes_per_second", 0},
		{"data.current.tx", "Transmit data rate", "gauge", "decimal", "bytes_per_second", 0},
		{"errors.total.rx", "Total Receive errors", "counter", "integer", "none", 0},
		{"errors.total.tx", "Total transmit errors", "counter", "integer", "none", 0},
		{"data.total.rx", "Total received data", "counter", "integer", "bytes", 0},
		{"data.total.tx", "Total transmitted data", "counter", "integer", "bytes", 0},
	}, func(f figure) item { return f.item(parent, nil, &Ref{Href: parent, ID: nic.ID}) }), nil
}
