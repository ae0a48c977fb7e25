package boot

import (
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// How Cluster API's kubeadm bootstrap provider runs kubeadm: bootstrap/kubeadm/pkg/ignition/clc of Cluster API.
const (
	kubeadmUnit   = "kubeadm.service"
	kubeadmScript = "/etc/kubeadm.sh"
	kubeadmStart  = "ExecStart=/bin/bash " + kubeadmScript
)

const (
	attemptsPath   = "/etc/ocne/kubeadm-attempts.sh"
	attemptsDropin = "30-attempts.conf"
	kubernetesPath = "/etc/kubernetes"
	// keptPath is where the script keeps what is in kubernetesPath.
	keptPath = "/var/lib/ocne/kubernetes"
)

// withAttempts lets a join that failed be tried again. A unit that somebody else wrote stays as it is.
func withAttempts(c types.Config, p profile) types.Config {
	stock := slices.ContainsFunc(c.Systemd.Units, func(u types.Unit) bool {
		return u.Name == kubeadmUnit && u.Contents != nil && slices.Contains(strings.Split(*u.Contents, "\n"), kubeadmStart)
	})
	if !stock {
		return c
	}
	words := []string{"/bin/bash", attemptsPath, kubeadmScript, kubeadmPath, kubernetesPath, keptPath, p.Kubeadm.CRISocket}
	text := "[Service]\nExecStart=\nExecStart=" + strings.Join(words, " ") + "\n"
	out := v3_4.Merge(c, types.Config{
		Ignition: types.Ignition{Version: types.MaxVersion.String()},
		Systemd:  types.Systemd{Units: []types.Unit{{Name: kubeadmUnit, Dropins: []types.Dropin{{Name: attemptsDropin, Contents: &text}}}}},
	})
	out.Storage.Files = slices.Clone(out.Storage.Files)
	setFile(&out, attemptsPath, 0o755, p.attemptsScript)
	return out
}
