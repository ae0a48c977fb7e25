package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// AuthFile is a file that credentials were looked for in.
type AuthFile struct {
	Path string
	// Finding is what was found there, without any secret.
	Finding string
}

// authFiles are the files that podman and docker write credentials into, those of podman first: containers-auth.json(5).
func authFiles(own string, getenv func(string) string) []string {
	var paths []string
	add := func(elements ...string) {
		if elements[0] != "" {
			paths = append(paths, filepath.Join(elements...))
		}
	}
	if own != "" {
		return []string{own}
	}
	home := getenv("HOME")
	add(getenv("REGISTRY_AUTH_FILE"))
	add(getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if getenv("XDG_CONFIG_HOME") != "" {
		add(getenv("XDG_CONFIG_HOME"), "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	if getenv("DOCKER_CONFIG") != "" {
		add(getenv("DOCKER_CONFIG"), "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	return paths
}

// keychain looks credentials up in files, and remembers what it found where. The first file with an entry wins, and in it the entry that
// names most of the repository.
type keychain struct {
	files []string

	mu     sync.Mutex
	looked map[string]lookup // by repository
}

type lookup struct {
	files []AuthFile
	used  string
}

func newKeychain(files []string) *keychain {
	return &keychain{files: files, looked: map[string]lookup{}}
}

// Resolve implements authn.Keychain.
func (k *keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain.
func (k *keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	var found lookup
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.looked[target.String()] = found
	}()
	for _, path := range k.files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		credentials, finding := lookIn(path, target)
		found.files = append(found.files, AuthFile{Path: path, Finding: finding})
		if credentials != nil {
			found.used = path
			return authn.FromConfig(*credentials), nil
		}
	}
	return authn.Anonymous, nil
}

func (k *keychain) lookedFor(target authn.Resource) lookup {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.looked[target.String()]
}

// lookIn returns nil when a file has no credentials for the target, and says what it found.
func lookIn(path string, target authn.Resource) (*authn.AuthConfig, string) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "is not there"
	}
	if err != nil {
		return nil, fmt.Sprintf("cannot be read: %v", err)
	}
	defer f.Close()
	parsed, err := config.LoadFromReader(f)
	if err != nil {
		return nil, "is not a file of credentials: JSON with auths, credHelpers or credsStore is expected"
	}
	for _, key := range keys(target) {
		for written, entry := range parsed.AuthConfigs {
			if normalized(written) == key && usable(entry) {
				return authConfig(entry), "has credentials for " + written
			}
		}
	}
	return askHelper(parsed, target.RegistryStr())
}

// askHelper asks the program that the file names for a registry.
func askHelper(parsed *configfile.ConfigFile, host string) (*authn.AuthConfig, string) {
	if host == name.DefaultRegistry {
		host = authn.DefaultAuthKey
	}
	helper := parsed.CredentialHelpers[host]
	if helper == "" {
		helper = parsed.CredentialsStore
	}
	if helper == "" {
		return nil, "has no credentials for " + host
	}
	entry, err := parsed.GetAuthConfig(host)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("names the program docker-credential-%s, which failed: %v", helper, err)
	case !usable(entry):
		return nil, fmt.Sprintf("names the program docker-credential-%s, which has no credentials for %s", helper, host)
	}
	return authConfig(entry), fmt.Sprintf("names the program docker-credential-%s, which has credentials for %s", helper, host)
}

// keys are what an entry for the target may be named: its repository, the parents of that, and its registry.
func keys(target authn.Resource) []string {
	var all []string
	for key := target.String(); ; {
		all = append(all, key)
		cut := strings.LastIndexByte(key, '/')
		if cut < 0 {
			return all
		}
		key = key[:cut]
	}
}

// normalized is an entry's name without the URL that old versions of docker wrote around it, and with docker.io's real host.
func normalized(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(key, "/"), "/v1"), "/v2")
	if host, rest, _ := strings.Cut(key, "/"); host == "docker.io" {
		key = strings.TrimSuffix(name.DefaultRegistry+"/"+rest, "/")
	}
	return key
}

func usable(a types.AuthConfig) bool {
	return a.Username != "" || a.Password != "" || a.Auth != "" || a.IdentityToken != "" || a.RegistryToken != ""
}

func authConfig(a types.AuthConfig) *authn.AuthConfig {
	return &authn.AuthConfig{Username: a.Username, Password: a.Password, Auth: a.Auth, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}
}
