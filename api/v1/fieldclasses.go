package v1

// FixedFields are the fields of OLVMMachine's spec that cannot change once the VM has run: the VM would have to be made anew. All others may,
// for the sake of Cluster API's in-place updates; see docs/explanation/field-classes.md. "make generate" makes rules of the CRD of them. Of an
// object, only whether it is there is compared: what a comparison of all of it costs cannot be estimated, so an API server takes none.
//
// The addresses that machines may take are not among them: they are read only while one is chosen.
func FixedFields() []string {
	return []string{
		"olvmOvirtClusterName", "vmTemplateName", "vmTemplateVersion", "vmTemplateID", "imageProfile",
		"placement.antiAffinity", "placement.hosts", "placement.affinityLabels", "ignition.inline", "ignition.secretRef.name",
		"olvmNetwork.networkName", "olvmNetwork.vnicProfileName", "olvmNetwork.vnicName",
		"virtualMachine.cpu.architecture", "virtualMachine.cpu.topology.cores", "virtualMachine.cpu.topology.threads",
		"virtualMachine.network.gateway", "virtualMachine.network.interface", "virtualMachine.network.interfaceType",
		"virtualMachine.network.ipv4.subnet", "virtualMachine.network.ipv6.autoConf", "virtualMachine.network.ipv6.prefixLength",
		"virtualMachine.network.ipv6.gateway", "virtualMachine.network.addressesFromPools", "virtualMachine.network.nameservers",
		"virtualMachine.network.searchDomains", "virtualMachine.network.ntpServers", "virtualMachine.network.mtu",
		"virtualMachine.type", "virtualMachine.quotaName", "virtualMachine.highAvailability",
		"virtualMachine.highAvailability.priority", "virtualMachine.highAvailability.leaseStorageDomainName", "virtualMachine.deleteProtection",
		"virtualMachine.console.graphics", "virtualMachine.console.serial",
		"virtualMachine.storageAllocation", "virtualMachine.storageDomainName", "virtualMachine.bootDiskSize",
		"virtualMachine.dataDisks", "virtualMachine.additionalNICs",
	}
}
