package rest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// NotSimulatedCall is an endpoint that was called and is not simulated.
type NotSimulatedCall struct {
	Method string `json:"method"`
	// Path is the path below the API's root with ids replaced by {id}.
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// unanswered counts calls of what is not simulated.
type unanswered struct {
	mu     sync.Mutex
	counts map[NotSimulatedCall]int
}

func (u *unanswered) add(method, path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[NotSimulatedCall]int{}
	}
	u.counts[NotSimulatedCall{Method: method, Path: path}]++
}

// NotSimulated lists the calls that were answered without being simulated, in the order of paths.
func (s *Server) NotSimulated() []NotSimulatedCall {
	s.unanswered.mu.Lock()
	defer s.unanswered.mu.Unlock()
	calls := slices.SortedFunc(maps.Keys(s.unanswered.counts), func(a, b NotSimulatedCall) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	for i := range calls {
		calls[i].Count = s.unanswered.counts[calls[i]]
	}
	return calls
}

// collectionKeys are the names of items in collections whose name is not simply that with an s: path segments have no
// underscores. The other half of a pair is the item's name.
const collectionKeys = " affinitygroups affinity_group affinitylabels affinity_label assignedcpuprofiles cpu_profile clusterfeatures cluster_feature " +
	"clusterlevels cluster_level cpuprofiles cpu_profile datacenters data_center diskattachments disk_attachment diskprofiles disk_profile " +
	"disksnapshots disk_snapshot externalhostproviders external_host_provider externaltemplateimports external_template_import " +
	"externalvmimports external_vm_import fenceagents agent glusterbricks brick glustervolumes gluster_volume graphicsconsoles graphics_console " +
	"hostdevices host_device hosthooks hook hostnics host_nic imagetransfers image_transfer instancetypes instance_type iscsibonds iscsi_bond " +
	"katelloerrata katello_erratum linklayerdiscoveryprotocol link_layer_discovery_protocol_element macpools mac_pool " +
	"mediateddevices vm_mediated_device networkattachments network_attachment networkfilterparameters network_filter_parameter " +
	"networkfilters network_filter networklabels network_label networkproviders openstack_network_provider numanodes vm_numa_node " +
	"openstackimageproviders openstack_image_provider openstacknetworkproviders openstack_network_provider " +
	"openstackvolumeproviders openstack_volume_provider operatingsystems operating_system policyunits scheduling_policy_unit " +
	"qoss qos reporteddevices reported_device schedulingpolicies scheduling_policy schedulingpolicyunits scheduling_policy_unit " +
	"sshpublickeys ssh_public_key storage host_storage storageconnectionextensions storage_connection_extension " +
	"storageconnections storage_connection storagedomains storage_domain unmanagednetworks unmanaged_network vmpools vm_pool " +
	"vnicprofiles vnic_profile "

// plainCollections are those whose items have their name without the s.
const plainCollections = " applications backups balances bookmarks cdroms checkpoints clusters disks domains events files filters floppies groups hosts " +
	"hooks icons images jobs labels networks nics permissions permits quotas roles sessions snapshots statistics steps tags templates users vms " +
	"watchdogs weights "

// collectionKey is the name of an item of the collection, empty if the engine has no such collection.
func collectionKey(segment string) string {
	if _, after, ok := strings.Cut(collectionKeys, " "+segment+" "); ok {
		key, _, _ := strings.Cut(after, " ")
		return key
	}
	if strings.Contains(plainCollections, " "+segment+" ") {
		return strings.TrimSuffix(segment, "s")
	}
	return ""
}

// notSimulated answers for paths that have no route: the entity above must exist, its collections are empty, and
// everything else says what it is.
func (s *Server) notSimulated(r *request, segments []string) (reply, error) {
	if job, ok := s.creationStatus(segments); ok {
		return job, nil
	}
	pattern := slices.Clone(segments)
	for i, segment := range segments {
		if isUUID(segment) {
			pattern[i] = "{id}"
		}
	}
	s.unanswered.add(r.Method, strings.Join(pattern, "/"))
	if len(segments) >= 3 {
		parent, err := s.fetch(r, segments[:len(segments)-1])
		if err != nil || parent.status == http.StatusNotFound {
			return parent, err
		}
	}
	if r.Method != http.MethodGet {
		return reply{}, &engine.Fault{
			Status: http.StatusNotImplemented, Reason: "Not simulated",
			Detail: r.Method + " /" + strings.Join(segments, "/") + " is not simulated",
		}
	}
	key := ""
	if len(segments) == 1 || len(segments) >= 3 {
		key = collectionKey(segments[len(segments)-1])
	}
	if key == "" {
		return reply{status: http.StatusNotFound}, nil
	}
	return reply{http.StatusOK, wire.List{Key: key}}, nil
}
