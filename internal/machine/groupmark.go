package machine

import (
	"encoding/json"
	"strings"
)

const groupMarkVersion = "group/v1"

// GroupMark says, inside the engine, that an affinity group was made by us, and for whom. It is in the group's description, in the request
// that makes the group.
type GroupMark struct {
	// Cluster is namespace/name of the Cluster, Group the name of its control plane or MachineDeployment.
	Cluster, Group string
}

type wireGroupMark struct {
	Version string `json:"ocne"`
	Cluster string `json:"cluster"`
	Group   string `json:"group"`
}

// Text is the mark as the engine keeps it.
func (m GroupMark) Text() string {
	b, err := json.Marshal(wireGroupMark{Version: groupMarkVersion, Cluster: m.Cluster, Group: m.Group})
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// ParseGroupMark reads a group's description; ok is false when it is not a mark of ours.
func ParseGroupMark(description string) (m GroupMark, ok bool) {
	var w wireGroupMark
	if !strings.HasPrefix(strings.TrimSpace(description), "{") || json.Unmarshal([]byte(description), &w) != nil || w.Version != groupMarkVersion {
		return GroupMark{}, false
	}
	return GroupMark{Cluster: w.Cluster, Group: w.Group}, true
}

// GroupName is the name of the affinity group of a mark's VMs in one of the engine's clusters. The engine's names of groups are unique in all of
// its clusters (AddAffinityGroupCommand), so the cluster's name is in it. What is hard has another name than what is soft: a rollout from one
// to the other changes no group.
func GroupName(m GroupMark, hostCluster string, hard bool) string {
	name := strings.ReplaceAll(m.Cluster, "/", "-") + "-" + m.Group + "-" + hostCluster
	if hard {
		name += "-hard"
	}
	return name
}
