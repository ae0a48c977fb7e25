package incluster

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
)

const (
	script = "/etc/ocne/controllers/take-image.sh"
	unit   = "ocne-controllers-image"
)

// ImageStore is how a node's image lists and loads container images.
type ImageStore struct {
	// List is a shell command that prints the names of the images, one on a line.
	List string `json:"list"`
	// Load is a shell command that loads an image from the archive that is its last argument.
	Load string `json:"load"`
}

// NodeConfig is what control plane nodes boot with to have the image of the controllers, now or later. apiServerPort is that of the node's own API
// server. The node needs curl and jq, as the load balancer does.
func NodeConfig(store ImageStore, apiServerPort int) (types.Config, error) {
	values := struct {
		Namespace, Index, Script string
		APIServerPort            int
		Store                    ImageStore
	}{Namespace, imageIndex, script, apiServerPort, store}
	text := map[string]string{}
	for _, name := range []string{"take-image.sh", "take-image.service", "take-image.timer"} {
		t, err := template.ParseFS(files, name)
		var filled strings.Builder
		if err == nil {
			err = t.Execute(&filled, values)
		}
		if err != nil {
			return types.Config{}, fmt.Errorf("image of the controllers on nodes: %w", err)
		}
		text[name] = filled.String()
	}
	service, timer := text["take-image.service"], text["take-image.timer"]
	var c types.Config
	c.Ignition.Version = types.MaxVersion.String()
	file := types.File{Node: types.Node{Path: script, Overwrite: new(true)}}
	file.Mode = new(0o755)
	file.Contents.Source = new(dataurl.EncodeBytes([]byte(text["take-image.sh"])))
	c.Storage.Files = []types.File{file}
	c.Systemd.Units = []types.Unit{
		{Name: unit + ".service", Contents: &service},
		{Name: unit + ".timer", Contents: &timer, Enabled: new(true)},
	}
	return c, nil
}
