package ovirt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// This file is the only place that reads the engine's texts: those of AppErrors.properties in the engine's source. They are in
// English, because an engine translates only when a request has an Accept-Language header.

// faultReply is every JSON shape in which the engine refuses something.
type faultReply struct {
	// A bare fault: reply to POST of a new object, PUT, DELETE.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// A fault inside an action: reply to POST of an action.
	Fault *struct {
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	} `json:"fault"`
	// Single sign-on has the code in error_code and the text in error when the scope is the API's, and the code in error and
	// the text in error_description otherwise.
	ErrorCode        string `json:"error_code"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

// faultFrom makes the error of a reply whose status is not 2xx.
func faultFrom(status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status}
	body = bytes.TrimSpace(body)
	var reply faultReply
	isJSON := json.Unmarshal(body, &reply) == nil
	switch {
	case isJSON && reply.Fault != nil:
		e.Reason, e.Detail = reply.Fault.Reason, unlisted(reply.Fault.Detail)
	case isJSON && reply.ErrorCode != "":
		e.Reason, e.Detail = reply.ErrorCode, reply.Error
	case isJSON && reply.Error != "":
		e.Reason, e.Detail = reply.Error, reply.ErrorDescription
	case isJSON:
		e.Reason, e.Detail = reply.Reason, unlisted(reply.Detail)
	case status == http.StatusUnauthorized:
		e.Detail = pageWords(body)
	}
	switch {
	case isJSON && (reply.ErrorCode != "" || reply.Error != ""):
		e.Kind = signOnKind(e.Reason)
	case status >= 300 && status < 400:
		e.Kind, e.Err = NotEngine, redirected(header)
	case status == http.StatusForbidden || lacksPermission(e.Words()):
		e.Kind = Forbidden
	case status == http.StatusUnauthorized:
		e.Kind = Auth
	case !isJSON && len(body) > 0:
		// A missing object has an empty body. A page is from a proxy, or from an engine that is starting: it says nothing of the object.
		e.Kind, e.Err = Unavailable, notJSON(header)
	default:
		e.Kind = kindOfFault(status, e.Words())
	}
	return e
}

// signOnKind reads the error code of the single sign-on service.
func signOnKind(code string) Kind {
	switch code {
	case "access_denied", "invalid_grant", "unauthorized_client":
		return Auth
	case "server_error", "temporarily_unavailable":
		return Unavailable
	default:
		return Invalid
	}
}

// queryRefused is what the engine says to an unfiltered query of a user without an administrator's role, and to any query that
// is for administrators alone: QueriesCommandBase.
const queryRefused = "insufficient permissions"

// refusesQuery tells that the user may not ask this, or not without the header Filter.
func (e *Error) refusesQuery() bool {
	return e.Kind == Forbidden && strings.Contains(strings.ToLower(e.Words()), queryRefused)
}

// lacksPermission reads the words, because the engine's status for a refused query is not always 403.
func lacksPermission(words string) bool {
	words = strings.ToLower(words)
	return strings.Contains(words, queryRefused) ||
		strings.Contains(words, "not authorized to perform") // USER_NOT_AUTHORIZED_TO_PERFORM_ACTION, and the login's counterpart
}

// kindOfFault reads a status and the engine's words. The order matters: a name in use also says "try again", and of several
// messages a 400 hides a 409.
func kindOfFault(status int, words string) Kind {
	switch {
	case status == http.StatusNotFound:
		return NotFound
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		return Unavailable
	case status != http.StatusBadRequest && status != http.StatusConflict:
		return Unknown
	}
	words = strings.ToLower(words)
	for _, rule := range []struct {
		kind  Kind
		texts []string
	}{
		{NotFound, []string{
			"vm doesn't exist",                        // ACTION_TYPE_FAILED_VM_NOT_EXIST
			"provided vm is invalid (does not exist)", // ACTION_TYPE_FAILED_INVALID_ENTITY_FOR_AFFINITY_GROUP: also of a VM that is no member
			"no matching affinity group",              // ACTION_TYPE_FAILED_INVALID_AFFINITY_GROUP_ID
			"quota doesn't exist",                     // ACTION_TYPE_FAILED_QUOTA_NOT_EXIST
			"storage domain doesn't exist",            // ACTION_TYPE_FAILED_STORAGE_DOMAIN_NOT_EXIST
		}},
		{Exists, []string{
			"name is already in use",                 // ACTION_TYPE_FAILED_NAME_ALREADY_USED, NETWORK_INTERFACE_NAME_ALREADY_IN_USE
			"name is already used",                   // ACTION_TYPE_FAILED_VNIC_PROFILE_NAME_IN_USE
			"name already exists",                    // ACTION_TYPE_FAILED_VM_ALREADY_EXIST
			"with the given id already exists",       // VM_ID_EXISTS
			"with the same identifier already exist", // ACTION_TYPE_FAILED_VM_GUID_ALREADY_EXIST
			"duplicate vm",                           // ACTION_TYPE_FAILED_DUPLICATE_ENTITY_IN_AFFINITY_GROUP
		}},
		{Quota, []string{
			"quota",                   // the QUOTA_ family
			"low disk space",          // ACTION_TYPE_FAILED_DISK_SPACE_LOW_ON_STORAGE_DOMAIN
			"with enough storage was", // ACTION_TYPE_FAILED_NO_SUITABLE_DOMAIN_FOUND
			"satisfies current scheduling constraints", // SCHEDULING_ALL_HOSTS_FILTERED_OUT
			"no available running hosts",               // ACTION_TYPE_FAILED_VDS_VM_MEMORY, _CPUS, _CLUSTER
			"no available operational host",            // ACTION_TYPE_FAILED_NO_VDS_AVAILABLE_IN_CLUSTER
			"not enough mac addresses",                 // MAC_POOL_NOT_ENOUGH_MAC_ADDRESSES
		}},
		{Conflict, []string{
			"is locked",             // ACTION_TYPE_FAILED_VM_IS_LOCKED
			"are locked",            // ACTION_TYPE_FAILED_DISKS_LOCKED
			"currently in progress", // ACTION_TYPE_FAILED_OBJECT_LOCKED
			"try again later",
		}},
		{Unavailable, []string{"internal engine error"}}, // a failure while the command ran, sent as 400
	} {
		for _, text := range rule.texts {
			if strings.Contains(words, text) {
				return rule.kind
			}
		}
	}
	if status == http.StatusConflict {
		return Conflict
	}
	return Invalid
}

// unlisted removes the brackets that Java's List.toString puts around the messages.
func unlisted(detail string) string {
	detail = strings.TrimSpace(detail)
	if inner, ok := strings.CutPrefix(detail, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]")
	}
	return detail
}

// pageWords is the text of the HTML page that comes with a 401; the engine puts "invalid_grant: ..." there.
func pageWords(page []byte) string {
	const most = 300
	if _, body, ok := bytes.Cut(page, []byte("<body>")); ok {
		page = body
	}
	words := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(page), " "))
	words = strings.Join(strings.Fields(words), " ")
	if len(words) > most {
		words = strings.ToValidUTF8(words[:most], "")
	}
	return words
}

func notJSON(header http.Header) error {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if kind == "" {
		kind = "no content type"
	}
	return errors.New("the reply is not JSON (" + kind + "): the engine may be starting, a proxy may have answered, or the URL may not be an engine's")
}

// redirected names the host only: the rest of a redirect may hold what nobody should see.
func redirected(header http.Header) error {
	to := ""
	if target, err := url.Parse(header.Get("Location")); err == nil && target.Host != "" {
		to = " to " + target.Host
	}
	return fmt.Errorf("the reply is a redirect%s; give the engine's own address, https://HOST/ovirt-engine", to)
}
