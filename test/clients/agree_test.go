package clients

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fields says where the SDK has what our client has: by the name of the field of our type.
type fields[S any] map[string]func(S) any

// compared are the entity types of our client with a table below; the others are named with why they have none.
func compared() map[string]string {
	return map[string]string{
		"System": "", "DataCenter": "", "Cluster": "", "Network": "", "VNICProfile": "", "NetworkFilter": "", "Template": "", "StorageDomain": "",
		"Host": "", "VM": "", "NIC": "", "DiskAttachment": "", "Disk": "", "Job": "", "User": "", "Permission": "",
		"AffinityGroup": "", "AffinityLabel": "", "AffinityRule": "part of AffinityGroup", "AffinityGroupUpdate": "a request",
		"Tag": "", "DataCenterQuota": "", "AttachedDisk": "DiskAttachment and Disk", "HighAvailability": "part of VM", "VMUpdate": "a request",
		"AddVMDisk": "a request", "NewDisk": "a request", "Initialization": "a request", "NICConfiguration": "a request", "IPConfiguration": "a request",
		"ImageTransfer": "", "CPUTopology": "part of VM", "AddVM": "a request", "AddDisk": "a request", "AddTemplate": "a request",
		"AddImageTransfer": "a request", "Trust": "of the client itself", "Config": "of the client itself", "Call": "of the client itself", "Client": "the client",
		"Error": "not an entity", "UntrustedCertificateError": "not an entity",
	}
}

// agree compares every field of every one of our entities with the SDK's entity of the same id.
func agree[O, S any](t *testing.T, ours []O, theirs []S, id func(S) string, table fields[S]) {
	t.Helper()
	require.NotEmpty(t, ours, "there must be something to compare")
	require.Len(t, theirs, len(ours))
	kind := reflect.TypeFor[O]()
	require.Contains(t, compared(), kind.Name())
	names := make([]string, 0, kind.NumField())
	for i := range kind.NumField() {
		names = append(names, kind.Field(i).Name)
	}
	for name := range table {
		require.Contains(t, names, name, "%s has no such field", kind)
	}
	for i := range ours {
		v := reflect.ValueOf(ours[i])
		at := slices.IndexFunc(theirs, func(s S) bool { return !v.FieldByName("ID").IsValid() || id(s) == v.FieldByName("ID").String() })
		require.GreaterOrEqual(t, at, 0, "%s %+v is not in the SDK's list", kind, ours[i])
		for _, name := range names {
			get, ok := table[name]
			require.True(t, ok, "%s.%s is not compared", kind, name)
			value := v.FieldByName(name)
			if value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			require.Equal(t, fmt.Sprint(value.Interface()), fmt.Sprint(get(theirs[at])), "%s.%s of %+v", kind, name, ours[i])
		}
	}
}

// TestEveryEntityIsCompared finds a type that is new in our client.
func TestEveryEntityIsCompared(t *testing.T) {
	notTests := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), "../../pkg/ovirt", notTests, 0) //nolint:staticcheck // types are not needed
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range packages["ovirt"].Files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if _, isStruct := spec.Type.(*ast.StructType); isStruct && spec.Name.IsExported() {
				found[spec.Name.Name] = true
				require.Contains(t, compared(), spec.Name.Name)
			}
			return false
		})
	}
	require.Len(t, found, len(compared()))
}

// of drops whether there is a value: what is missing is the zero value in our client.
func of[T any](value T, _ bool) T { return value }

// idOf is the id of what a reference names.
func idOf[T any, R interface {
	*T
	Id() (string, bool)
}](reference R, ok bool) string {
	if !ok {
		return ""
	}
	return of(reference.Id())
}

// idsOf are the ids of what a list of references names.
func idsOf[R interface{ Id() (string, bool) }](references []R) (ids []string) {
	for _, each := range references {
		ids = append(ids, of(each.Id()))
	}
	return ids
}
