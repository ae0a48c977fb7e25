package ovirt

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultCase is a reply and what a caller reads in it.
type faultCase struct {
	status int
	kind   Kind
	words  string
	body   string // unless it is the words in a bare fault
}

// The texts are those of the engine's AppErrors.properties with action and type filled in.
func TestRefusalsAreClassifiedByTheirText(t *testing.T) {
	for _, test := range []faultCase{
		{404, NotFound, "Entity not found: Template: name=ock", ""},

		{409, Exists, "Cannot add VM. The VM name is already in use, please choose a unique name and try again.", ""},
		{400, Exists, "Cannot add VM. VM with the given Id already exists in the system.", ""},
		{400, Exists, "Cannot add VM. A VM with the same identifier already exists.", ""},
		{409, Exists, "Network interface name is already in use", ""},

		{400, Exists, "Cannot add Affinity Group. Affinity Group name already exists.", ""},
		{400, Exists, "Cannot edit Affinity Group. Duplicate VM.", ""},
		{400, NotFound, "Cannot edit Affinity Group. Provided VM is invalid (does not exist).", ""},
		{400, NotFound, "Cannot edit Affinity Group. No matching Affinity Group.", ""},
		{400, NotFound, "Cannot edit Affinity Group. VM doesn't exist.", ""},
		{400, Invalid, "Cannot edit Affinity Group. Provided VM resides in another Cluster.", ""},

		{400, NotFound, "Cannot add VM. Quota doesn't exist.", ""},
		{400, NotFound, "Cannot add VM. Storage Domain doesn't exist.", ""},

		{409, Conflict, "Cannot add VM. Related operation is currently in progress. Please try again later.", ""},
		{409, Conflict, "Cannot remove VM. VM is running.", ""},
		{409, Conflict, "MAC Address 56:6f:00:00:00:01 is already in use by VM or snapshot: v.", ""},
		{400, Conflict, "Cannot run VM: VM is locked. Please try again in a few minutes.", ""},
		{409, Conflict, "Cannot stop VM. VM is not running.",
			`{"fault":{"detail":"[Cannot stop VM. VM is not running.]","reason":"Operation Failed"},"status":"failed"}`},

		{400, Invalid, "Cannot add VM. Physical Memory Guaranteed cannot exceed Memory Size.", ""},
		{400, Invalid, "Vm [name] required for add", `{"reason":"Incomplete parameters","detail":"Vm [name] required for add"}`},
		{400, Invalid, "Operation failed", `{"reason":"Operation failed"}`},

		{403, Forbidden, "User is not authorized to perform this action.", ""},
		{403, Forbidden, "User is not authorized to perform this action.",
			`{"fault":{"detail":"[User is not authorized to perform this action.]","reason":"Operation Failed"},"status":"failed"}`},
		{400, Forbidden, "User is not authorized to perform this action.", ""},
		{400, Forbidden, "Query execution failed due to insufficient permissions.", ""},
		{500, Forbidden, "query execution failed due to insufficient permissions.", ""},
		{400, Unavailable, "Internal Engine Error", ""},
		{409, Quota, "Cannot add Virtual Disk. Low disk space on Storage Domain data.", ""},
		{409, Quota, "Cannot add VM. Quota Q1 has no sufficient storage resources.", ""},
		{409, Quota, "Cannot run VM. There is no host that satisfies current scheduling constraints. See below for details:, " +
			"The host h1 did not satisfy internal filter Memory because its available memory is too low (123 MB) to run the VM.", ""},
		{400, Quota, "Cannot run VM. There are no available running Hosts with sufficient memory in VM's Cluster .", ""},
		{409, Quota, "Not enough MAC addresses left in MAC Address Pool.", ""},
	} {
		test.run(t)
	}
}

func TestEditsOfAnAffinityGroupThatFailInTheDatabaseAreAConflict(t *testing.T) {
	const internal = `{"reason":"Operation Failed","detail":"[Internal Engine Error]"}`
	for _, test := range []struct {
		status int
		kind   Kind
	}{{http.StatusBadRequest, Conflict}, {http.StatusInternalServerError, Unavailable}} {
		c := newEngine(t, replyJSON(test.status, internal)).client(t)
		err := c.AddVMToAffinityGroup(t.Context(), "c1", "g1", vmID)
		require.ErrorIs(t, err, test.kind)
		require.ErrorContains(t, err, "add VM "+vmID+" to affinity group g1: engine ")
		_, err = c.AddAffinityGroup(t.Context(), AffinityGroup{Name: "demo", ClusterID: "c1"})
		require.ErrorIs(t, err, test.kind)
	}
}

func TestRepliesWithoutAFaultAreClassifiedByTheirStatus(t *testing.T) {
	for _, test := range []faultCase{
		{404, NotFound, "", ""},
		{401, Auth, "invalid_grant: The provided authorization grant for the auth code has expired.", expiredPage},
		{403, Forbidden, "", "<html>Forbidden</html>"},
		{500, Unavailable, "Internal error", ""},
		{503, Unavailable, "", "<html>Service Unavailable</html>"},
		{404, Unavailable, "", "<html>Not Found</html>"}, // an engine that is starting: no word about the object
		{400, Unavailable, "", "<html>Bad Request</html>"},

		{405, Unknown, "", ""},
	} {
		test.run(t)
	}
}

func (f faultCase) run(t *testing.T) {
	t.Run(fmt.Sprint(f.status, " ", f.kind, " ", f.words), func(t *testing.T) {
		contentType, body := "application/json", f.body
		switch {
		case strings.HasPrefix(body, "<"):
			contentType = "text/html;charset=UTF-8"
		case body == "" && f.words != "":
			body = fmt.Sprintf(`{"detail":%q,"reason":"Operation Failed"}`, "["+f.words+"]")
		}
		e := newEngine(t, reply(f.status, contentType, body))
		if f.status == http.StatusUnauthorized {
			e.signOn = replyJSON(http.StatusOK, `{"access_token":"`+tokenPrefix+`x"}`)
		}
		err := e.client(t).RemoveVM(t.Context(), vmID)
		var failure *Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, f.kind, failure.Kind)
		require.ErrorIs(t, err, f.kind)
		require.Equal(t, f.words, failure.Words())
		require.Equal(t, f.status, failure.Status)
	})
}

func TestErrorSaysWhatOnWhichObjectAndWhatTheEngineSaid(t *testing.T) {
	for name, test := range map[string]struct {
		api  http.HandlerFunc
		call func(*testing.T, *Client) error
		text string
	}{
		"a refusal": {
			replyJSON(http.StatusConflict, `{"reason":"Operation Failed",
			  "detail":"[Cannot add VM. The VM name is already in use, please choose a unique name and try again.]"}`),
			func(t *testing.T, c *Client) error {
				_, err := c.AddVM(t.Context(), AddVM{ID: vmID, Name: "demo-1"}, "c1")
				return err
			},
			"add VM demo-1: engine refused (409 Operation Failed): Cannot add VM. The VM name is already in use, please choose a unique name and try again.",
		},
		"a missing object": {
			reply(http.StatusNotFound, "", ""),
			func(t *testing.T, c *Client) error { return c.StartVM(t.Context(), vmID) },
			"start VM " + vmID + ": not found in the engine, or not visible to this user",
		},
		"a search without a match": {
			replyJSON(http.StatusOK, "{}"),
			func(t *testing.T, c *Client) error {
				_, err := c.DataCenterByName(t.Context(), "Default")
				return err
			},
			"find data center Default: not found in the engine, or not visible to this user",
		},
		"a proxy's page": {
			reply(http.StatusBadGateway, "text/html", "<html>Bad Gateway</html>"),
			func(t *testing.T, c *Client) error { return c.StopVM(t.Context(), vmID) },
			"stop VM " + vmID + ": engine unavailable (502 Bad Gateway): the reply is not JSON (text/html): " +
				"the engine may be starting, a proxy may have answered, or the URL may not be an engine's",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.EqualError(t, test.call(t, newEngine(t, test.api).client(t)), test.text)
		})
	}
}

func TestKindOfErrorsThatAreNotTheClients(t *testing.T) {
	require.Equal(t, Kind(""), KindOf(nil))
	require.Equal(t, Unknown, KindOf(errors.New("other")))
	require.Equal(t, Conflict, KindOf(fmt.Errorf("create VM demo-1: %w", &Error{Kind: Conflict})))
}
