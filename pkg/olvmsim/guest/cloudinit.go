package guest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const cloudConfigHeader = "#cloud-config"

// cloudConfig is what instant guests read of user data as cloud-init does. Of two keys of one name the later one counts, as in Python.
type cloudConfig struct {
	Hostname   string `json:"hostname"`
	WriteFiles []struct {
		Path        string `json:"path"`
		Content     string `json:"content"`
		Encoding    string `json:"encoding"`
		Permissions string `json:"permissions"`
		Append      bool   `json:"append"`
	} `json:"write_files"`
	RunCmd []json.RawMessage `json:"runcmd"`
}

// readCloudInit is what cloud-init puts on the disk: the files of the user data, the host's name, and the network in NetworkManager's form.
// kubeadm's configuration goes to where an Ignition document has it. Errors never quote the document, which holds keys.
func readCloudInit(vm olvmsim.GuestVM) (*document, error) {
	var config cloudConfig
	if yaml.Unmarshal(vm.UserData, &config) != nil {
		return nil, errors.New("failed loading yaml blob: the user data is not valid cloud-config")
	}
	doc := &document{version: "cloud-config", files: map[string]file{}}
	for _, f := range config.WriteFiles {
		data, err := decoded(f.Content, f.Encoding)
		if err != nil {
			return nil, fmt.Errorf("write_files: %s: %w", f.Path, err)
		}
		mode, err := strconv.ParseInt(f.Permissions, 8, 32)
		if f.Permissions != "" && err != nil {
			return nil, fmt.Errorf("write_files: %s: permissions are not octal digits", f.Path)
		}
		if f.Append {
			data = append(bytes.Clone(doc.files[f.Path].data), data...)
		}
		if f.Permissions == "" {
			mode = 0o644
		}
		doc.files[f.Path] = file{mode: int(mode), data: data}
	}
	if err := addMetaData(doc, vm, config.Hostname); err != nil {
		return nil, err
	}
	if name := kubeadmRun(doc, config.RunCmd); name != "" {
		doc.files["/etc/kubeadm.yml"] = doc.files[name]
	}
	return doc, nil
}

// decoded follows cloud-init's cc_write_files.
func decoded(content, encoding string) ([]byte, error) {
	data := []byte(content)
	var err error
	switch encoding {
	case "", "text/plain":
		return data, nil
	case "b64", "base64", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		if data, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), "")); err != nil {
			return nil, errors.New("content is not base64")
		}
		if !strings.HasPrefix(encoding, "gz") {
			return data, nil
		}
	case "gz", "gzip":
	default:
		return nil, fmt.Errorf("encoding %q is not known", encoding)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return io.ReadAll(io.LimitReader(z, maxFileBytes))
}

// addMetaData adds what the config drive tells beside the user data. The user data's host name goes before that of the meta data.
func addMetaData(doc *document, vm olvmsim.GuestVM, hostname string) error {
	var meta struct {
		Hostname string `json:"hostname"`
	}
	if len(vm.MetaData) > 0 && json.Unmarshal(vm.MetaData, &meta) != nil {
		return errors.New("meta_data.json is not valid JSON")
	}
	if hostname == "" {
		hostname = meta.Hostname
	}
	if hostname != "" {
		doc.files["/etc/hostname"] = file{mode: 0o644, data: []byte(hostname + "\n")}
	}
	keyfiles, err := keyfilesOf(vm.NetworkData)
	for device, text := range keyfiles {
		doc.files["/etc/NetworkManager/system-connections/cloud-init-"+device+".nmconnection"] = file{mode: 0o600, data: []byte(text)}
	}
	return err
}

// network is one of network_data.json's (OpenStack's form).
type network struct {
	Link, Type, Netmask, Gateway string
	Address                      string `json:"ip_address"`
}

// keyfilesOf are the connections that cloud-init makes of network_data.json, by device.
func keyfilesOf(raw []byte) (map[string]string, error) {
	var data struct {
		Links    []struct{ ID, Name string }
		Networks []network
	}
	if len(raw) > 0 && json.Unmarshal(raw, &data) != nil {
		return nil, errors.New("network_data.json is not valid JSON")
	}
	keyfiles := map[string]string{}
	for _, link := range data.Links {
		ipv4, ipv6 := "\n[ipv4]\nmethod=disabled\n", "\n[ipv6]\nmethod=disabled\n"
		for _, n := range data.Networks {
			if n.Link != link.ID {
				continue
			}
			switch n.Type {
			case "ipv4", "ipv6":
				section, err := n.keyfile()
				if err != nil {
					return nil, fmt.Errorf("network_data.json: %s: %w", link.Name, err)
				}
				if n.Type == "ipv4" {
					ipv4 = section
				} else {
					ipv6 = section
				}
			case "ipv6_slaac":
				ipv6 = "\n[ipv6]\nmethod=auto\n"
			}
		}
		keyfiles[link.Name] = "[connection]\ntype=ethernet\ninterface-name=" + link.Name + "\n" + ipv4 + ipv6
	}
	return keyfiles, nil
}

func (n network) keyfile() (string, error) {
	bits, err := strconv.Atoi(n.Netmask)
	if err != nil {
		mask := net.ParseIP(n.Netmask).To4()
		if mask == nil {
			return "", errors.New("netmask is neither dotted nor a length")
		}
		bits, _ = net.IPMask(mask).Size()
	}
	address, err := netip.ParseAddr(n.Address)
	if err != nil {
		return "", errors.New("ip_address is not an address")
	}
	line := netip.PrefixFrom(address, bits).String()
	if n.Gateway != "" {
		line += "," + n.Gateway
	}
	return "\n[" + n.Type + "]\nmethod=manual\naddress1=" + line + "\n", nil
}

// kubeadmRun is the configuration that a command gives kubeadm, be it the command itself or a script among the files that it runs.
func kubeadmRun(doc *document, commands []json.RawMessage) string {
	run := regexp.MustCompile(`(?m)(?:^|\s)kubeadm (?:init|join) --config (\S+)`)
	for _, raw := range commands {
		var words []string
		var line string
		if json.Unmarshal(raw, &line) != nil && json.Unmarshal(raw, &words) == nil {
			line = strings.Join(words, " ")
		}
		texts := []string{line}
		for word := range strings.FieldsSeq(line) {
			if f, ok := doc.files[path.Clean(word)]; ok {
				texts = append(texts, string(f.data))
			}
		}
		for _, text := range texts {
			if found := run.FindStringSubmatch(text); found != nil {
				if _, ok := doc.files[found[1]]; ok {
					return found[1]
				}
			}
		}
	}
	return ""
}
