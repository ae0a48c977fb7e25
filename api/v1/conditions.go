package v1

// Conditions of an OLVMCluster. Ready sums them up, with the reasons of whichever is not true.
const (
	// ReadyCondition is mirrored by Cluster API into the InfrastructureReady condition of Cluster and Machine.
	ReadyCondition = "Ready"

	// EngineReachableCondition is true while the engine answers with the given credentials.
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

// Reasons of conditions that are not true. None of them is terminal.
const (
	// CredentialsMissingReason: the credentials Secret does not exist or lacks a key.
	CredentialsMissingReason = "CredentialsMissing"
	// CredentialsRefusedReason: the engine does not accept the credentials.
	CredentialsRefusedReason = "CredentialsRefused"
	// PermissionMissingReason: the engine knows the user, who lacks a permission; the message holds its words.
	PermissionMissingReason = "PermissionMissing"
	// EngineUnavailableReason: the engine does not answer, or answers with a server error.
	EngineUnavailableReason = "EngineUnavailable"
	// NotFoundInEngineReason: the data center, cluster, template, network or vNIC profile does not exist or is not visible.
	NotFoundInEngineReason = "NotFoundInEngine"
	// InvalidSpecReason: the spec asks for something that cannot be, or is not implemented.
	InvalidSpecReason = "InvalidSpec"
	// WaitingForClusterReason: the cluster's infrastructure is not ready yet.
	WaitingForClusterReason = "WaitingForCluster"
	// WaitingForBootstrapDataReason: the bootstrap provider has not made the node's data yet.
	WaitingForBootstrapDataReason = "WaitingForBootstrapData"
	// PoolExhaustedReason: every address of the pool is taken.
	PoolExhaustedReason = "PoolExhausted"
	// AddressConflictReason: another VM has one of the addresses; another one is chosen.
	AddressConflictReason = "AddressConflict"
	// CreatingReason: the engine makes the VM.
	CreatingReason = "Creating"
	// StartingReason: the VM is on its way up.
	StartingReason = "Starting"
	// OutOfCapacityReason: the engine lacks storage space, memory, a host that fits, or quota; the message holds its words.
	OutOfCapacityReason = "OutOfCapacity"
	// EngineRefusedReason: the engine refused the last step; the message holds its words.
	EngineRefusedReason = "EngineRefused"
	// NotRunningReason: the VM was provisioned and does not run any more.
	NotRunningReason = "NotRunning"
	// VMNotFoundReason: the VM was provisioned and is gone.
	VMNotFoundReason = "VMNotFound"
	// NotOursReason: the VM with this machine's id carries somebody else's mark, or none; it is never touched.
	NotOursReason = "NotOurs"
	// DeletingReason: the VM is being removed.
	DeletingReason = "Deleting"
	// ClusterMissingReason: the machine is to be deleted, and the OLVMCluster, which knows the engine, is gone.
	ClusterMissingReason = "ClusterMissing"
)

// Reasons of events that are not reasons of conditions too. Every change of a condition is an event with the condition's reason.
const (
	// AbandonedReason: an object went without asking the engine, as its annotation said; the message names what is left there.
	AbandonedReason = "Abandoned"
	// DiskDetachedReason: a disk that did not belong to the VM was detached before the VM was removed; it stays in the engine.
	DiskDetachedReason = "DiskDetached"
	// VMRenamedReason: somebody gave the VM another name in the engine. Nothing comes of it.
	VMRenamedReason = "VMRenamed"
)
