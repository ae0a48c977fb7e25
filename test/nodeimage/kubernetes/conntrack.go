package main

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// keepConnectionTable makes kube-proxy, called with arguments, leave the table of connections as it is, whatever its configuration says:
// all containers share the machine's, and only the machine's own network namespace may change its size. kube-proxy ends otherwise.
func keepConnectionTable(args []string) error {
	const flag = "--config="
	for i, arg := range args {
		path, ok := strings.CutPrefix(arg, flag)
		if !ok {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the configuration of kube-proxy: %w", err)
		}
		config := map[string]any{}
		if err := yaml.Unmarshal(text, &config); err != nil {
			return fmt.Errorf("read the configuration of kube-proxy %s: %w", path, err)
		}
		config["conntrack"] = map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
		if text, err = yaml.Marshal(config); err != nil {
			return fmt.Errorf("write the configuration of kube-proxy: %w", err)
		}
		const changed = "/run/kube-proxy.conf"
		if err := os.MkdirAll("/run", 0o755); err != nil {
			return fmt.Errorf("write the configuration of kube-proxy: %w", err)
		}
		if err := os.WriteFile(changed, text, 0o600); err != nil {
			return fmt.Errorf("write the configuration of kube-proxy: %w", err)
		}
		args[i] = flag + changed
	}
	return nil
}
