package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// firstPool is the name of the pool that workerNodes and workerMachine describe.
	firstPool       = "md-0"
	workerPoolsKey  = "providers.olvm.workerPools"
	maxPoolNameRoom = 50 // for a cluster's and a pool's name: node names, at most 63 characters, add a hyphen and two parts of six
)

// WorkerPool is a group of workers that are alike.
type WorkerPool struct {
	// Name is added to the cluster's name in the names of the pool's objects and nodes.
	Name string
	// Nodes may be 0.
	Nodes int
	// Machine is the shape of the nodes.
	Machine Machine

	key string // of Machine
}

func workerPools(all []workerPoolKeys) []WorkerPool {
	var pools []WorkerPool
	for i, p := range all {
		pools = append(pools, WorkerPool{
			Name: p.Name, Nodes: p.WorkerNodes, Machine: p.Machine, key: fmt.Sprintf("%s[%d].machine", workerPoolsKey, i),
		})
	}
	return pools
}

// Pools are all groups of workers: the one of workerNodes and workerMachine first, then those of workerPools.
func (c *Config) Pools() []WorkerPool {
	first := WorkerPool{Name: firstPool, Nodes: c.WorkerNodes, Machine: c.OLVM.WorkerMachine, key: workerKey}
	return append([]WorkerPool{first}, c.OLVM.WorkerPools...)
}

// Key is where the pool's machine stands in the configuration, such as providers.olvm.workerMachine.
func (p WorkerPool) Key() string { return p.key }

// NodesKey is where the pool's size stands in the configuration.
func (p WorkerPool) NodesKey() string {
	if p.key == workerKey {
		return "workerNodes"
	}
	return fmt.Sprintf("%s (name: %s) workerNodes", workerPoolsKey, p.Name)
}

// Workers is the number of workers of all pools.
func (c *Config) Workers() int {
	n := 0
	for _, p := range c.Pools() {
		n += max(p.Nodes, 0)
	}
	return n
}

// PoolObjects is the name of a pool's objects: its MachineDeployment, templates and health check.
func (c *Config) PoolObjects(pool string) string { return c.Name + "-" + pool }

// inheritMachines lays the machine of each further pool over workerMachine, so that a pool says only what is different.
func inheritMachines(tree *yaml.Node) *yaml.Node {
	pools := lookup(tree, workerPoolsKey)
	if pools == nil || pools.Kind != yaml.SequenceNode {
		return tree
	}
	inherited := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, pool := range pools.Content {
		over := mappingNode()
		set(over, stringNode("machine"), merge(lookup(tree, workerKey), child(pool, "machine")))
		inherited.Content = append(inherited.Content, merge(pool, over))
	}
	olvm, providers, over := mappingNode(), mappingNode(), mappingNode()
	set(olvm, stringNode("workerPools"), inherited)
	set(providers, stringNode("olvm"), olvm)
	set(over, stringNode("providers"), providers)
	return merge(tree, over)
}

func (v *validator) workerPools() {
	names := []string{firstPool, "control-plane"}
	for i, p := range v.config.OLVM.WorkerPools {
		key := fmt.Sprintf("%s[%d].name", workerPoolsKey, i)
		switch {
		case len(validation.IsDNS1123Label(p.Name)) > 0:
			v.report(key, "%q cannot be a pool's name: write lower case letters, digits and hyphens, such as big", p.Name)
		case p.Name == firstPool:
			v.report(key, "%q is the pool that workerNodes and workerMachine describe: write another name", p.Name)
		case slices.Contains(names, p.Name):
			v.report(key, "%q is taken: write another name", p.Name)
		case len(v.config.Name)+len(p.Name) > maxPoolNameRoom:
			v.report(key, "%q is too long: it and the cluster's name may have %d characters together, because node names are made from them",
				p.Name, maxPoolNameRoom)
		}
		names = append(names, p.Name)
		if err := CheckWorkerNodes(p.Nodes); err != nil {
			v.report(fmt.Sprintf("%s[%d].workerNodes", workerPoolsKey, i), "%v", err)
		}
	}
}
