package olvmsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// groups is the path of the affinity groups of the cluster Default.
func (c *client) groups() string {
	c.t.Helper()
	return "/clusters/" + c.search("clusters", "name=Default").text("cluster.0.id") + "/affinitygroups"
}

func idOf(path string) string { return path[strings.LastIndex(path, "/")+1:] }

func TestAffinityGroupSaysEverythingThatClientsNeed(t *testing.T) {
	c := newStepper(t)
	groups := c.groups()
	a := c.must(http.StatusCreated, http.MethodPost, groups, `{"name":"g"}`)
	for path, want := range map[string]any{
		"name": "g", "description": "", "enforcing": "false", "positive": "false",
		"vms_rule.enabled": "false", "vms_rule.positive": "false", "vms_rule.enforcing": "false", "hosts_rule.enabled": "false",
		"hosts_rule.positive": "false", "hosts_rule.enforcing": "false", "vms": map[string]any{}, "hosts": map[string]any{},
		"cluster.id": c.get("/clusters").at("cluster.0.id"),
	} {
		require.Equal(t, want, a.at(path), path)
	}
	require.Regexp(t, `"priority": 1\b`, a.raw)
	path := groups + "/" + a.text("id")
	a = c.must(http.StatusOK, http.MethodPut, path, `{"description":"d","positive":"true","enforcing":true}`)
	require.Equal(t, []any{"g", "d", "true", "true", "true"}, []any{
		a.at("name"), a.at("description"), a.at("vms_rule.enabled"), a.at("vms_rule.positive"), a.at("vms_rule.enforcing"),
	})
	require.Equal(t, "g", c.get(groups).text("affinity_group.0.name"))

	c.refused(http.StatusBadRequest, "[Cannot add Affinity Group. Affinity Group name already exists.]", http.MethodPost, groups, `{"name":"g"}`)
	c.refused(http.StatusBadRequest, "AffinityGroup [name] required for add", http.MethodPost, groups, `{}`)
	require.Equal(t, http.StatusNotFound, c.get("/clusters/"+vmID+"/affinitygroups").status)
	c.must(http.StatusOK, http.MethodDelete, path, "")
	require.Equal(t, http.StatusNotFound, c.get(path).status)
}

func TestMembersComeAndGo(t *testing.T) {
	c := newStepper(t)
	group := c.groups() + "/" + c.must(http.StatusCreated, http.MethodPost, c.groups(), `{"name":"g"}`).text("id")
	vm, host := idOf(c.vm("n1", "")), c.get("/hosts").text("host.0.id")
	for _, member := range []struct{ path, key, id, word string }{{group + "/vms", "vm", vm, "VM"}, {group + "/hosts", "host", host, "VDS"}} {
		a := c.must(http.StatusCreated, http.MethodPost, member.path, `{"id":"`+member.id+`"}`)
		require.Equal(t, member.id, a.text("id"))
		require.Equal(t, member.id, c.get(member.path).text(member.key+".0.id"))
		require.Equal(t, member.id, c.get(group).text(member.key+"s."+member.key+".0.id"))
		c.refused(http.StatusBadRequest, "[Cannot edit Affinity Group. Duplicate "+member.word+".]", http.MethodPost, member.path,
			`{"id":"`+member.id+`"}`)
		c.must(http.StatusOK, http.MethodDelete, member.path+"/"+member.id, "")
		require.Empty(t, c.get(member.path).json)
		c.refused(http.StatusBadRequest, "[Cannot edit Affinity Group. Provided "+member.word+" is invalid (does not exist).]",
			http.MethodDelete, member.path+"/"+member.id, "")
	}
	c.refused(http.StatusBadRequest, "[Cannot edit Affinity Group. VM doesn't exist.]", http.MethodPost, group+"/vms", `{"id":"`+vmID+`"}`)
	a := c.must(http.StatusNotFound, http.MethodPost, group+"/hosts", `{"id":"`+vmID+`"}`)
	require.Contains(t, a.text("detail"), "Entity not found")
	c.must(http.StatusCreated, http.MethodPost, group+"/vms", `{"id":"`+vm+`"}`)
	c.must(http.StatusOK, http.MethodDelete, "/vms/"+vm, "")
	c.pass(time.Second)
	require.Empty(t, c.get(group+"/vms").json, "a VM that is removed is no member any more")
}

func TestGroupThatSomebodyElseEditsIsLocked(t *testing.T) {
	c := newStepper(t)
	group := c.groups() + "/" + c.must(http.StatusCreated, http.MethodPost, c.groups(), `{"name":"g"}`).text("id")
	vm := idOf(c.vm("n1", ""))
	require.NoError(t, c.s.Engine().LockAffinityGroup("g", time.Second))
	const refusal = "[Cannot edit Affinity Group. Related operation is currently in progress. Please try again later.]"
	c.refused(http.StatusConflict, refusal, http.MethodPost, group+"/vms", `{"id":"`+vm+`"}`)
	c.refused(http.StatusConflict, refusal, http.MethodPut, group, `{"description":"d"}`)
	c.pass(time.Second)
	c.must(http.StatusCreated, http.MethodPost, group+"/vms", `{"id":"`+vm+`"}`)
	require.ErrorIs(t, c.s.Engine().LockAffinityGroup("nothing", time.Second), olvmsim.ErrNotFound)
}

func TestGroupIsBrokenWhileAMemberRunsWhereItShouldNot(t *testing.T) {
	c := newStepper(t)
	first, second := c.up("n1", ""), c.up("n2", `"placement_policy":{"hosts":{"host":[{"name":"host1"}]}},`)
	group := c.groups() + "/" + c.must(http.StatusCreated, http.MethodPost, c.groups(), `{"name":"g","vms_rule":{"enabled":"true","positive":"false",
		"enforcing":"true"},"vms":{"vm":[{"id":"`+idOf(first)+`"},{"id":"`+idOf(second)+`"}]}}`).text("id")
	require.Equal(t, []string{"host1", "host1"}, []string{c.s.VMs()[0].Host, c.s.VMs()[1].Host})
	require.Equal(t, "true", c.get(group).text("broken"))
	c.must(http.StatusOK, http.MethodPost, first+"/stop", "")
	c.pass(time.Minute)
	require.Equal(t, "false", c.get(group).text("broken"))
}

// Two VMs in one group are started one after the other; the table says on which hosts they run.
func TestAffinityRulesPlaceVMs(t *testing.T) {
	const (
		apart   = `"vms_rule":{"enabled":"true","positive":"false","enforcing":"true"}`
		ifItCan = `"vms_rule":{"enabled":"true","positive":"false","enforcing":"false"}`
		onHosts = `"hosts_rule":{"enabled":"true","positive":"true","enforcing":"true"}`
	)
	for name, test := range map[string]struct {
		rules string
		hosts string // members of the group
		first string
		want  string // where the second VM runs; empty: nowhere
		why   string // the reason in the refusal
	}{
		"without rules they spread":  {`"vms_rule":{"enabled":"false"}`, "", "host1", "host2", ""},
		"together":                   {`"vms_rule":{"enabled":"true","positive":"true","enforcing":"true"}`, "", "host1", "host1", ""},
		"together if possible":       {`"vms_rule":{"enabled":"true","positive":"true","enforcing":"false"}`, "", "host1", "host1", ""},
		"apart":                      {apart, "", "host1", "host2", ""},
		"on these hosts only":        {onHosts, "host3", "host3", "host3", ""},
		"on these hosts if possible": {`"hosts_rule":{"enabled":"true","positive":"true","enforcing":"false"}`, "host3", "host3", "host3", ""},
		"not on these hosts":         {`"hosts_rule":{"enabled":"true","positive":"false","enforcing":"true"}`, "host1", "host2", "host3", ""},
		"apart on one host, enforced": {apart + "," + onHosts, "host3", "host3", "",
			"VmAffinityGroups because it did not match negative affinity rules of group g."},
		"apart on one host, if it can": {ifItCan + "," + onHosts, "host3", "host3", "host3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newStepper(t)
			first, second := c.vm("n1", ""), c.vm("n2", "")
			hosts := ""
			if test.hosts != "" {
				hosts = `{"id":"` + c.search("hosts", "name="+test.hosts).text("host.0.id") + `"}`
			}
			c.must(http.StatusCreated, http.MethodPost, c.groups(), `{"name":"g",`+test.rules+`,"hosts":{"host":[`+hosts+`]},
				"vms":{"vm":[{"id":"`+idOf(first)+`"},{"id":"`+idOf(second)+`"}]}}`)
			c.must(http.StatusOK, http.MethodPost, first+"/start", "")
			require.Equal(t, test.first, c.s.VMs()[0].Host)
			a := c.call(http.MethodPost, second+"/start", "")
			if test.want == "" {
				require.Equal(t, http.StatusConflict, a.status)
				require.Contains(t, a.text("fault.detail"), "The host host3 did not satisfy internal filter "+test.why)
			}
			require.Equal(t, test.want, c.s.VMs()[1].Host)
		})
	}
}

func TestAffinityLabelsBindVMsToHosts(t *testing.T) {
	c := newStepper(t)
	vm, host := c.vm("n1", ""), c.search("hosts", "name=host2").text("host.0.id")
	a := c.must(http.StatusCreated, http.MethodPost, "/affinitylabels", `{"name":"l","has_implicit_affinity_group":"true"}`)
	label := "/affinitylabels/" + a.text("id")
	c.must(http.StatusCreated, http.MethodPost, vm+"/affinitylabels", `{"id":"`+a.text("id")+`"}`)
	require.Equal(t, "l", c.get(vm+"/affinitylabels").text("affinity_label.0.name"))
	a = c.must(http.StatusConflict, http.MethodPost, vm+"/start", "")
	require.Contains(t, a.text("fault.detail"), "The host host1 did not satisfy internal filter VmToHostsAffinityGroups because "+
		"it does not have the affinity label l that the VM has.")
	c.must(http.StatusCreated, http.MethodPost, label+"/hosts", `{"id":"`+host+`"}`)
	require.Equal(t, "l", c.get("/hosts/"+host+"/affinitylabels").text("affinity_label.0.name"))
	require.Equal(t, []string{idOf(vm), host}, []string{c.get(label + "/vms").text("vm.0.id"), c.get(label + "/hosts").text("host.0.id")})
	require.NotContains(t, c.get(label).json, "vms", "the label itself does not say who has it")
	followed := c.get("/affinitylabels?follow=vms,hosts")
	require.Equal(t, []string{idOf(vm), host}, []string{followed.text("affinity_label.0.vms.vm.0.id"), followed.text("affinity_label.0.hosts.host.0.id")})
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	require.Equal(t, "host2", c.s.VMs()[0].Host)
	c.refused(http.StatusBadRequest, "[Cannot add Affinity Label. Affinity Label name already exists.]", http.MethodPost, "/affinitylabels", `{"name":"l"}`)
	c.must(http.StatusOK, http.MethodPut, label, `{"name":"k"}`)
	c.must(http.StatusOK, http.MethodDelete, vm+"/affinitylabels/"+idOf(label), "")
	require.Empty(t, c.get(vm+"/affinitylabels").json)
	c.must(http.StatusOK, http.MethodDelete, label, "")
	require.Empty(t, c.get("/affinitylabels").json)
}

func TestTagsMarkVMs(t *testing.T) {
	c := newStepper(t)
	root := c.get("/tags")
	require.Equal(t, blankID, root.text("tag.0.id"))
	a := c.must(http.StatusCreated, http.MethodPost, "/tags", `{"name":"blue","description":"d"}`)
	require.Equal(t, []any{"blue", "d", blankID}, []any{a.at("name"), a.at("description"), a.at("parent.id")})
	dark := c.must(http.StatusCreated, http.MethodPost, "/tags", `{"name":"dark","parent":{"id":"`+a.text("id")+`"}}`)
	one, two := c.vm("n1", ""), c.vm("n2", "")
	c.must(http.StatusCreated, http.MethodPost, one+"/tags", `{"id":"`+a.text("id")+`"}`)
	tagged := c.must(http.StatusCreated, http.MethodPost, two+"/tags", `{"name":"dark"}`)
	require.Equal(t, []any{dark.at("id"), idOf(two)}, []any{tagged.at("id"), tagged.at("vm.id")})
	require.Equal(t, []string{"n1", "n2"}, c.search("vms", "tag=blue").names("vm"), "what is below a tag has it")
	require.Equal(t, []string{"n2"}, c.search("vms", "tag=dark").names("vm"))
	require.Equal(t, []string{"dark"}, c.get(two+"/tags").names("tag"))

	c.refused(http.StatusConflict, "[The specified Tag name already exists.]", http.MethodPost, "/tags", `{"name":"blue"}`)
	c.refused(http.StatusBadRequest, "Tag [name] required for add", http.MethodPost, "/tags", `{}`)
	c.refused(http.StatusNotFound, "Entity not found: Tag: name=x", http.MethodPost, one+"/tags", `{"name":"x"}`)
	c.refused(http.StatusConflict, "[Cannot remove Tag. The root tag is read-only.]", http.MethodDelete, "/tags/"+blankID, "")
	c.must(http.StatusOK, http.MethodDelete, one+"/tags/"+a.text("id"), "")
	require.Equal(t, http.StatusNotFound, c.call(http.MethodDelete, one+"/tags/"+a.text("id"), "").status)
	require.Empty(t, c.get(one+"/tags").json)
	c.must(http.StatusOK, http.MethodPut, "/tags/"+dark.text("id"), `{"name":"night"}`)
	require.Equal(t, []string{"n2"}, c.search("vms", "tag=night").names("vm"))
	c.must(http.StatusOK, http.MethodDelete, "/tags/"+a.text("id"), "")
	require.Len(t, c.get("/tags").names("tag"), 1, "what is below a tag goes with it")
	require.Empty(t, c.get(two+"/tags").json)
}
