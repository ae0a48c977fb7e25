package engine

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ignitionVersion is what the engine's osinfo gives to documents that name no version.
const ignitionVersion = "2.3.0"

type initKind int

const (
	initNone initKind = iota
	initCloudInit
	initIgnition
)

// initKindOf follows the engine's osinfo (vmInitType): the OS type decides, never the content of the script.
func initKindOf(osType string) initKind {
	switch {
	case osType == "rhcos_x64":
		return initIgnition
	case strings.HasPrefix(osType, "windows"):
		return initNone // sysprep is not simulated
	default:
		return initCloudInit
	}
}

// userDataFor is the config drive's user data for the next run, nil without a config drive. The engine uses the
// initialization on the first run only unless the start asks for it, and drops a kind that the OS type does not support.
func userDataFor(v *VM, options RunOptions) ([]byte, error) {
	init := v.Init
	if options.Init != nil {
		init = init.merge(options.Init)
	}
	kind := initKindOf(v.OSType)
	asked := isTrue(options.UseInitialization) || isTrue(options.UseCloudInit) || isTrue(options.UseIgnition) || options.Init != nil
	switch {
	case init == nil, v.Initialized && !asked,
		options.UseCloudInit != nil && !*options.UseCloudInit,
		isTrue(options.UseCloudInit) && kind != initCloudInit,
		isTrue(options.UseIgnition) && kind != initIgnition:
		return nil, nil
	case kind == initIgnition:
		return ignitionUserData(init)
	case kind == initCloudInit:
		return cloudInitUserData(init), nil
	}
	return nil, nil
}

// ignitionUserData is the custom script as it is, unless the engine edits it (its IgnitionHandler): a missing version, a
// host name, a user.
func ignitionUserData(init *Initialization) ([]byte, error) {
	script, host, user := deref(init.CustomScript), deref(init.HostName), deref(init.UserName)
	document := map[string]any{}
	if strings.TrimSpace(script) != "" {
		if err := json.Unmarshal([]byte(script), &document); err != nil {
			// Not a JSON object: nothing to edit, the guest's Ignition will say what is wrong.
			return []byte(script), nil //nolint:nilerr // delivered as it is on purpose
		}
	}
	ignition, _ := document["ignition"].(map[string]any)
	if _, ok := ignition["version"]; ok && host == "" && user == "" {
		return []byte(script), nil
	}
	if ignition == nil {
		ignition = map[string]any{}
		document["ignition"] = ignition
	}
	if _, ok := ignition["version"]; !ok {
		ignition["version"] = ignitionVersion
	}
	if host != "" {
		addHostName(document, host)
	}
	if user != "" {
		if deref(init.RootPassword) == "" {
			return nil, fmt.Errorf("initialization of user %q has no password", user) // the engine's handler fails here too
		}
		addUser(document, init)
	}
	return json.Marshal(document)
}

// addHostName appends /etc/hostname in Ignition 2 form whatever the document's version. A storage section without files
// is replaced as a whole: that is a bug of the engine, kept because documents must survive it.
func addHostName(document map[string]any, host string) {
	storage, _ := document["storage"].(map[string]any)
	files, ok := storage["files"].([]any)
	if !ok {
		storage = map[string]any{}
		document["storage"] = storage
	}
	for _, f := range files {
		if file, ok := f.(map[string]any); ok && file["path"] == "/etc/hostname" {
			return
		}
	}
	storage["files"] = append(files, map[string]any{
		"filesystem": "root", "path": "/etc/hostname", "mode": 420,
		"contents": map[string]any{"source": "data:," + host},
	})
}

func addUser(document map[string]any, init *Initialization) {
	passwd, _ := document["passwd"].(map[string]any)
	if passwd == nil {
		passwd = map[string]any{}
		document["passwd"] = passwd
	}
	user := map[string]any{"name": deref(init.UserName), "passwordHash": deref(init.RootPassword)}
	if keys := deref(init.AuthorizedSSHKeys); keys != "" {
		user["sshAuthorizedKeys"] = strings.Split(strings.TrimSpace(keys), "\n")
	}
	users, _ := passwd["users"].([]any)
	passwd["users"] = append(users, user)
}

// cloudInitUserData is the engine's own cloud-config with the custom script appended as text (its CloudInitHandler): a
// script that is not YAML of further keys gives a document that cloud-init cannot read.
func cloudInitUserData(init *Initialization) []byte {
	var b strings.Builder
	b.WriteString("#cloud-config\n")
	b.WriteString("disable_root: false\n")
	b.WriteString("output: {all: '>> /var/log/cloud-init-output.log'}\n")
	b.WriteString("runcmd:\n")
	b.WriteString("- 'sed -i ''/^datasource_list: /d'' /etc/cloud/cloud.cfg; " +
		"echo ''datasource_list: [\"NoCloud\", \"ConfigDrive\"]'' >> /etc/cloud/cloud.cfg'\n")
	b.WriteString("chpasswd: {expire: false}\nssh_pwauth: true\n")
	for _, key := range []struct {
		name  string
		value *string
	}{{"password", init.RootPassword}, {"user", init.UserName}, {"timezone", init.Timezone}} {
		if deref(key.value) != "" {
			fmt.Fprintf(&b, "%s: %s\n", key.name, *key.value)
		}
	}
	if isTrue(init.RegenerateSSHKeys) {
		b.WriteString("ssh_deletekeys: true\n")
	}
	b.WriteString(deref(init.CustomScript))
	return []byte(b.String())
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
