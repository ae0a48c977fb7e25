package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Check lists what cannot be in an engine's state, in a stable order. It is empty where everything is in order.
func (e *Engine) Check() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var c checker
	for _, check := range []func(*checker){
		e.checkNames, e.checkDisks, e.checkAttachments, e.checkLocks, e.checkNICs, e.checkHosts, e.checkTemplates, e.checkStorage,
	} {
		check(&c)
	}
	slices.Sort(c.found)
	return c.found
}

type checker struct{ found []string }

func (c *checker) add(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// checkNames wants names of VMs to be unique in each data center.
func (e *Engine) checkNames(c *checker) {
	seen := map[string]bool{}
	for _, v := range e.vms {
		key := e.clusterByID(v.ClusterID).DataCenterID + "/" + v.Name
		if seen[key] {
			c.add("VM name %s is there twice in its data center", v.Name)
		}
		seen[key] = true
	}
}

// checkDisks wants every disk to belong to a VM or template, unless it was made or detached to be without one.
func (e *Engine) checkDisks(c *checker) {
	for id, was := range e.disturb.orphans {
		if disk, ok := e.disks[id]; ok && len(e.owners(id)) == 0 && disk.Status != StatusLocked {
			c.add("disk %s (%s) was left behind by VM %s, which is gone", disk.Alias, id, was)
		}
	}
	for _, d := range e.disks {
		if _, ok := e.storageDomainByRef(Ref{ID: d.StorageDomainID}); !ok {
			c.add("disk %s (%s) is on no storage domain", d.Alias, d.ID)
		}
		vms := 0
		for _, owner := range e.owners(d.ID) {
			if e.vms[owner] != nil {
				vms++
			}
		}
		if vms > 1 && !d.Shareable {
			c.add("disk %s (%s) is in %d VMs and not shareable", d.Alias, d.ID, vms)
		}
	}
}

// checkAttachments wants every disk that a VM holds to be there.
func (e *Engine) checkAttachments(c *checker) {
	for _, v := range e.vms {
		for _, a := range v.Disks {
			if e.disks[a.DiskID] == nil {
				c.add("VM %s holds disk %s, which is not there", v.Name, a.DiskID)
			}
		}
	}
}

// checkLocks wants a job to run wherever something is locked, but for what a fault or an operator keeps locked.
func (e *Engine) checkLocks(c *checker) {
	if slices.ContainsFunc(e.jobs.order, func(j *Job) bool { return j.Status == JobStarted }) {
		return
	}
	for _, v := range e.vms {
		if v.Status == StatusImageLocked {
			c.add("VM %s is locked and no job runs", v.Name)
		}
	}
	for _, d := range e.disks {
		if d.Status == StatusLocked && !e.isStuck(d) {
			c.add("disk %s (%s) is locked and no job runs", d.Alias, d.ID)
		}
	}
	for name := range e.nameLocks {
		c.add("VM name %s is reserved and no job runs", name)
	}
}

// checkNICs wants MAC addresses and, in each VM, names to be unique.
func (e *Engine) checkNICs(c *checker) {
	owner := map[string]string{}
	for _, v := range e.vmList() {
		names := map[string]bool{}
		for _, n := range v.NICs {
			mac := strings.ToLower(n.MAC)
			if other, ok := owner[mac]; ok && mac != "" {
				c.add("MAC address %s is in VM %s and VM %s", mac, other, v.Name)
			}
			owner[mac] = v.Name
			if names[n.Name] {
				c.add("VM %s has NIC %s twice", v.Name, n.Name)
			}
			names[n.Name] = true
		}
	}
}

// checkHosts wants VMs that run, and no others, to have a host, and hosts to have the memory for them.
func (e *Engine) checkHosts(c *checker) {
	for _, v := range e.vms {
		_, known := pickRef(e.hosts, Ref{ID: v.HostID}, hostRef)
		switch runs := v.Running() && v.Status != StatusSuspended; {
		case runs && !known && v.Status != StatusPoweringDown: // a suspended VM that is stopped has none
			c.add("VM %s is %s without a host", v.Name, v.Status)
		case !runs && v.HostID != "":
			c.add("VM %s is %s and has a host", v.Name, v.Status)
		}
	}
	for _, h := range e.hosts {
		var guaranteed int64
		for _, v := range e.vmsOn(h.ID) {
			guaranteed += v.GuaranteedMemory
		}
		if guaranteed > h.Memory {
			c.add("host %s has %d MiB and guarantees %d MiB to VMs", h.Name, h.Memory/mib, guaranteed/mib)
		}
	}
}

// checkTemplates wants the disks of templates, and the templates of VMs, to be there.
func (e *Engine) checkTemplates(c *checker) {
	for _, t := range e.templates {
		for _, a := range t.Disks {
			if e.disks[a.DiskID] == nil {
				c.add("template %s holds disk %s, which is not there", t.Name, a.DiskID)
			}
		}
	}
	for _, v := range e.vms {
		if e.templates[v.TemplateID] == nil {
			c.add("VM %s is made from template %s, which is not there", v.Name, v.TemplateID)
		}
	}
}

// checkStorage wants what a storage domain says of its use to be what its disks take.
func (e *Engine) checkStorage(c *checker) {
	for _, sd := range e.storageDomains {
		var sum int64
		for _, d := range e.disks {
			for _, id := range d.DomainIDs() {
				if id == sd.ID {
					sum += d.ActualSize
				}
			}
			if d.ActualSize < 0 {
				c.add("disk %s (%s) takes %d bytes", d.Alias, d.ID, d.ActualSize)
			}
		}
		if used := e.used(sd.ID); used != sum {
			c.add("storage domain %s says that %d bytes are used, its disks take %d", sd.Name, used, sum)
		}
	}
}
