package v1

// Conditions of an OLVMCluster. Ready sums them up, with the reasons of whichever is not true.
const (
	// ReadyCondition is mirrored by Cluster API into the InfrastructureReady condition of Cluster and Machine.
	ReadyCondition = "Ready"

	// EngineReachableCondition is true while the engine answers with the given credentials. While it is not, Ready is false, the machines'
	// own conditions stay as they were last seen, and Cluster API's health checks replace nothing.
	EngineReachableCondition = "EngineReachable"

	// TemplatesFoundCondition is false when the engine no longer has a VM template that machines of the cluster were made from. It does not
	// make Ready false: machines that run are not affected, and a health check must not replace them with ones that cannot be made.
	TemplatesFoundCondition = "TemplatesFound"
)

// Conditions of both.
const (
	// PreflightPassedCondition is false when a check finds something that machines cannot be made with; its reason is the name of the
	// check, its message what to do. It tells, and blocks nothing. Of an OLVMCluster: data center, permissions, virtual IP. Of an
	// OLVMMachine: cluster, hosts, network, vNIC profile, template, storage, permissions; it is kept once the VM ran.
	PreflightPassedCondition = "PreflightPassed"
)

// Conditions of an OLVMMachine.
const (
	// AddressesWonCondition is true when the engine shows no other VM with this machine's addresses.
	AddressesWonCondition = "AddressesWon"

	// VMReadyCondition is true while the VM runs.
	VMReadyCondition = "VMReady"
)

// Reasons of conditions that are true.
const (
	ReachableReason = "Reachable"
	RunningReason   = "Running"
	WonReason       = "Won"
	PassedReason    = "Passed"
	FoundReason     = "Found"
)

// Reasons of conditions that are not true. None of them is terminal: what waits goes on by itself once the cause has gone.
const (
	// CredentialsMissingReason: the credentials Secret does not exist or lacks a key. What to do: create it with the keys username and password;
	// it is read again every 5 s.
	CredentialsMissingReason = "CredentialsMissing"
	// CredentialsRefusedReason: the engine does not accept the credentials. What to do: put the right ones into the Secret, and unlock the
	// account in the engine if it was locked; they are tried again at most once a minute until the Secret changes.
	CredentialsRefusedReason = "CredentialsRefused"
	// PermissionMissingReason: the engine knows the user, who lacks a permission; the message holds its words. What to do: let the engine's
	// administrator give the user a role with this permission on the object that the message names.
	PermissionMissingReason = "PermissionMissing"
	// EngineUnavailableReason: the engine does not answer, or answers with a server error. What to do: look at the engine (service
	// ovirt-engine), the network and the firewalls between it and the management cluster, and its certificate authority.
	EngineUnavailableReason = "EngineUnavailable"
	// NotFoundInEngineReason: something that the spec names, such as the cluster, template, network, storage domain, quota or host, does not exist
	// or is not visible. What to do: make the object, give the user a role on it, or correct the name, in a new machine template.
	NotFoundInEngineReason = "NotFoundInEngine"
	// InvalidSpecReason: the spec asks for something that cannot be. What to do: the message names the field; machines get another spec by a
	// new machine template.
	InvalidSpecReason = "InvalidSpec"
	// WaitingForClusterReason: the cluster's infrastructure is not ready yet. What to do: look at the conditions of the OLVMCluster.
	WaitingForClusterReason = "WaitingForCluster"
	// WaitingForBootstrapDataReason: the bootstrap provider has not made the node's data yet. What to do: nothing at first; further nodes wait for
	// the first control plane node. If it lasts, look at the conditions of the KubeadmConfig.
	WaitingForBootstrapDataReason = "WaitingForBootstrapData"
	// PoolExhaustedReason: every address of the pool is taken. What to do: add addresses to the machine template's ipAddresses, in place, or
	// remove machines; what waits goes on.
	PoolExhaustedReason = "PoolExhausted"
	// ImageMismatchReason: the VM template holds an image that cannot read the node's boot data: one with Ignition where that is cloud-config, or
	// the reverse. What to do: name another template, or change the format of the KubeadmConfig; what waits goes on.
	ImageMismatchReason = "ImageMismatch"
	// AddressConflictReason: another VM has one of the addresses; another one is chosen. What to do: nothing, unless it lasts; then the
	// message names the VM.
	AddressConflictReason = "AddressConflict"
	// CreatingReason: the engine makes the VM. What to do: nothing; copying a template's disk takes minutes.
	CreatingReason = "Creating"
	// StartingReason: the VM is on its way up. What to do: nothing, unless it lasts; then the engine's events say why a host ends the VM.
	StartingReason = "Starting"
	// OutOfCapacityReason: the engine lacks storage space, memory, a host that fits, or quota; the message holds its words. What to do: free or add
	// what they name; it is asked for again every 20 s.
	OutOfCapacityReason = "OutOfCapacity"
	// EngineRefusedReason: the engine refused the last step; the message holds its words. What to do: read them, and the engine's events; locks
	// pass by themselves.
	EngineRefusedReason = "EngineRefused"
	// NotRunningReason: the VM was provisioned and does not run any more. What to do: start the VM in the engine, or delete the Machine to have it
	// replaced; a MachineHealthCheck does so by itself.
	NotRunningReason = "NotRunning"
	// VMNotFoundReason: the VM was provisioned and is gone. What to do: delete the Machine to have it replaced; a MachineHealthCheck does so by
	// itself.
	VMNotFoundReason = "VMNotFound"
	// NotOursReason: the VM with this machine's id carries somebody else's mark, or none; it is never touched. What to do: restore the mark in the
	// VM's comment, or remove the VM and the machine's finalizer by hand.
	NotOursReason = "NotOurs"
	// AffinityGroupNotOursReason: the engine has an affinity group of the name that the machine's would have, without our mark in its description;
	// it is never touched. Only hard anti-affinity waits for it. What to do: rename or remove that group, or set placement.antiAffinity to
	// soft in a new machine template.
	AffinityGroupNotOursReason = "AffinityGroupNotOurs"
	// DeletingReason: the VM is being removed. What to do: nothing; the message says what is waited for.
	DeletingReason = "Deleting"
	// ClusterMissingReason: the machine is to be deleted, and the OLVMCluster, which knows the engine, is gone. What to do: make the OLVMCluster
	// again, or annotate the machine to be abandoned.
	ClusterMissingReason = "ClusterMissing"
)

// Reasons of events that are not reasons of conditions too. Every change of a condition is an event with the condition's reason.
const (
	// AbandonedReason: an object went without asking the engine, as its annotation said; the message names what is left there.
	AbandonedReason = "Abandoned"
	// DiskDetachedReason: a disk that did not belong to the VM was detached before the VM was removed; it stays in the engine.
	DiskDetachedReason = "DiskDetached"
	// GroupsNotSweptReason: the OLVMCluster went, and the engine could not be asked whether affinity groups of the cluster are left there; the message
	// has its words. They are empty, and called after the cluster.
	GroupsNotSweptReason = "GroupsNotSwept"
	// StartedAloneReason: the VM was started outside the affinity group of its siblings, because the account may not edit affinity groups, or the
	// group is not ours; the message says which. Nothing else comes of it.
	StartedAloneReason = "StartedAlone"
	// VMRenamedReason: somebody gave the VM another name in the engine. Nothing comes of it.
	VMRenamedReason = "VMRenamed"
)
