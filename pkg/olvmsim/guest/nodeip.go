package guest

import (
	"net/netip"
	"path"
	"strings"
)

// kubeadmFlags is the file in which kubeadm keeps the kubelet's arguments.
const kubeadmFlags = "/var/lib/kubelet/kubeadm-flags.env"

// nodeIPScript is a script of the document that the kubelet's unit runs before the kubelet: it puts the address that the machine made
// itself beside the IPv4 address in kubeadm's arguments. Instant guests run no shell and know this one script by its name and its usage
// line, which is its second.
type nodeIPScript struct {
	device, ipv4 string
}

// readNodeIPScript finds ExecStartPre=[-]/bin/bash .../node-ip.sh DEVICE IPV4 FLAGS; nil when the document has no such line, or no such
// file.
func readNodeIPScript(doc *document) *nodeIPScript {
	for _, text := range kubeletUnits(doc) {
		for line := range strings.Lines(text) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			words := strings.Fields(strings.TrimPrefix(value, "-"))
			if key != "ExecStartPre" || len(words) != 5 || words[0] != "/bin/bash" || path.Base(words[1]) != "node-ip.sh" || words[4] != kubeadmFlags {
				continue
			}
			if strings.HasPrefix(string(doc.files[words[1]].data), "#!/bin/bash\n# node-ip.sh DEVICE IPV4 FLAGS\n") {
				return &nodeIPScript{device: words[2], ipv4: words[3]}
			}
		}
	}
	return nil
}

// run changes kubeadm's arguments as the script does.
func (s *nodeIPScript) run(arguments kubeletArguments, connections []connection, con console) {
	if s == nil || arguments["node-ip"] != s.ipv4 {
		return
	}
	for _, c := range connections {
		if c.device == s.device && c.slaac != (netip.Prefix{}) {
			arguments["node-ip"] += "," + c.slaac.Addr().String()
			return
		}
	}
	con.printf("node-ip.sh", "%s has no global IPv6 address: the node reports IPv4 only", s.device)
}
