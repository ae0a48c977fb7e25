package ovirt

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPermissionCallsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) { return value(c.CurrentUser(ctx)) }, "GET /api",
			`{"authenticated_user":{"id":"u1","href":"/ovirt-engine/api/users/u1"}}`, User{ID: "u1", Name: testUsername}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Permissions(ctx, "u1") }, "GET /api/users/u1/permissions",
			`{"permission":[
			  {"id":"1","role":{"id":"r1"},"user":{"id":"u1"}},
			  {"id":"2","role":{"id":"r2"},"group":{"id":"g1"},"data_center":{"id":"dc1"}},
			  {"id":"3","role":{"id":"r2"},"user":{"id":"u1"},"cluster":{"id":"c1"}},
			  {"id":"4","role":{"id":"r2"},"user":{"id":"u1"},"template":{"id":"t1"}},
			  {"id":"5","role":{"id":"r2"},"user":{"id":"u1"},"storage_domain":{"id":"s1"}},
			  {"id":"6","role":{"id":"r2"},"user":{"id":"u1"},"vnic_profile":{"id":"p1"}},
			  {"id":"7","role":{"id":"r2"},"user":{"id":"u1"},"host":{"id":"h1"}},
			  {"id":"8","role":{"id":"r2"},"user":{"id":"u1"},"vm":{"id":"v1"}},
			  {"id":"9","role":{"id":"r2"},"user":{"id":"u1"},"vm_pool":{"id":"vp1"}},
			  {"id":"10","role":{"id":"r2"},"user":{"id":"u1"},"disk":{"id":"d1"}}]}`,
			[]Permission{
				{"r1", OnSystem, ""}, {"r2", OnDataCenter, "dc1"}, {"r2", OnCluster, "c1"}, {"r2", OnTemplate, "t1"}, {"r2", OnStorageDomain, "s1"},
				{"r2", OnVNICProfile, "p1"}, {"r2", OnHost, "h1"}, {"r2", OnVM, "v1"}, {"r2", OnVMPool, "vp1"}, {"r2", OnDisk, "d1"},
			}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Permits(ctx, "r1") }, "GET /api/roles/r1/permits",
			`{"permit":[{"id":"1","name":"create_vm","administrative":"false","role":{"id":"r1"}},{"id":"4","name":"run_vm"}]}`,
			[]string{"create_vm", "run_vm"}},
	})
}

const (
	queryRefusal   = `{"reason":"Operation Failed","detail":"query execution failed due to insufficient permissions."}`
	commandRefusal = `{"reason":"Operation Failed","detail":"[User is not authorized to perform this action.]"}`
)

// userLevelEngine refuses a query without the header Filter, and jobs always. The requests are "METHOD path, filter: value".
func userLevelEngine(t *testing.T) (*engine, func() []string) {
	var mu sync.Mutex
	var requests []string
	e := newEngine(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests = append(requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/ovirt-engine")+", filter: "+r.Header.Get("Filter"))
		mu.Unlock()
		switch {
		case r.Method == http.MethodGet && (r.Header.Get("Filter") != "true" || strings.HasSuffix(r.URL.Path, "/jobs")):
			replyJSON(http.StatusForbidden, queryRefusal)(w, r)
		case strings.HasSuffix(r.URL.Path, "/start"):
			replyJSON(http.StatusForbidden, `{"fault":`+commandRefusal+`,"status":"failed"}`)(w, r)
		default:
			replyJSON(http.StatusOK, `{"id":"x"}`)(w, r)
		}
	})
	return e, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return requests
	}
}

func TestRefusedQueryTurnsTheClientToUserLevel(t *testing.T) {
	e, requests := userLevelEngine(t)
	c := e.client(t)
	require.False(t, c.UserLevel())
	_, err := c.DataCenters(t.Context())
	require.NoError(t, err)
	require.True(t, c.UserLevel())
	_, err = c.VM(t.Context(), vmID)
	require.NoError(t, err)
	_, err = c.AddVM(t.Context(), AddVM{ID: vmID, Name: "demo-1"}, "c1")
	require.NoError(t, err)
	require.Equal(t, []string{
		"GET /api/datacenters, filter: ",
		"GET /api/datacenters, filter: true",
		"GET /api/vms/" + vmID + ", filter: true",
		"POST /api/vms, filter: true", // commands run queries too
	}, requests())
	require.Equal(t, 1, e.loginCount())
}

// An administrator whose role was gone for a moment sees everything again.
func TestFromTimeToTimeAQueryIsAskedPlainly(t *testing.T) {
	e, requests := userLevelEngine(t)
	c := e.client(t)
	_, err := c.DataCenters(t.Context())
	require.NoError(t, err)
	c.userLevelSince.Add(-int64(userLevelRemembered))
	require.True(t, c.UserLevel(), "until a query says otherwise")
	_, err = c.DataCenters(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api/datacenters, filter: ", "GET /api/datacenters, filter: true"}, requests()[2:])
	require.True(t, c.UserLevel())

	admin := newEngine(t, replyJSON(http.StatusOK, `{}`)).client(t)
	admin.userLevelSince.Store(1)
	_, err = admin.DataCenters(t.Context())
	require.NoError(t, err)
	require.False(t, admin.UserLevel())
}

func TestTheAPIsRootIsAskedAtUserLevelByEverybody(t *testing.T) {
	e, requests := userLevelEngine(t)
	c := e.client(t)
	_, err := c.System(t.Context())
	require.NoError(t, err)
	_, err = c.CurrentUser(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api, filter: true", "GET /api, filter: true"}, requests())
	require.False(t, c.UserLevel(), "this says nothing of the user")
}

func TestQueryForAdministratorsIsForbiddenAfterOneReplay(t *testing.T) {
	e, requests := userLevelEngine(t)
	_, err := e.client(t).Jobs(t.Context(), "c1")
	require.ErrorIs(t, err, Forbidden)
	require.EqualError(t, err, "list jobs of c1: engine refused (403 Operation Failed): query execution failed due to insufficient permissions.")
	require.Equal(t, []string{"GET /api/jobs, filter: ", "GET /api/jobs, filter: true"}, requests())
}

func TestRefusedCommandIsForbiddenAndNotRepeated(t *testing.T) {
	e, requests := userLevelEngine(t)
	c := e.client(t)
	err := c.StartVM(t.Context(), vmID)
	require.ErrorIs(t, err, Forbidden)
	require.Equal(t, []string{"POST /api/vms/" + vmID + "/start, filter: "}, requests())
	require.False(t, c.UserLevel(), "an administrator too can lack a permit")
}

func TestReadThatTheUserMayNotDoIsNoReasonForUserLevel(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusForbidden, commandRefusal))
	c := e.client(t)
	_, err := c.VM(t.Context(), vmID)
	require.ErrorIs(t, err, Forbidden)
	require.Len(t, e.carriedOut(), 1)
	require.False(t, c.UserLevel())
}

func TestExpiredTokenAndRefusedQueryAreBothOvercome(t *testing.T) {
	e, requests := userLevelEngine(t)
	c := e.client(t)
	_, err := c.System(t.Context())
	require.NoError(t, err)
	e.expire()
	_, err = c.VMs(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api, filter: true", "GET /api/vms, filter: ", "GET /api/vms, filter: true"}, requests())
	require.Equal(t, 2, e.loginCount())
}

func TestQueriesThatAreRefusedTogetherAreAllReplayed(t *testing.T) {
	const calls = 16
	e, _ := userLevelEngine(t)
	c := e.client(t)
	failures := make([]error, calls)
	var callers sync.WaitGroup
	for n := range calls {
		callers.Go(func() { _, failures[n] = c.VMs(t.Context(), "") })
	}
	callers.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
}
