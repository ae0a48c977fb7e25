package show

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

// printField prints the value at a dotted path: a plain value as it is, anything else as YAML.
func printField(w io.Writer, d *cluster.Details, path string) error {
	content, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode the cluster: %w", err)
	}
	var value any
	if err := json.Unmarshal(content, &value); err != nil {
		return fmt.Errorf("decode the cluster: %w", err)
	}
	var walked []string
	for key := range strings.SplitSeq(path, ".") {
		next, err := step(value, key)
		if err != nil {
			where := "a cluster"
			if len(walked) > 0 {
				where = strings.Join(walked, ".")
			}
			return &cli.UsageError{Command: "ocne cluster show", Err: fmt.Errorf("no field %q in %s: %w", key, where, err)}
		}
		value, walked = next, append(walked, key)
	}
	switch value.(type) {
	case map[string]any, []any:
		return output.Print(w, output.YAML, value)
	}
	_, err = fmt.Fprintln(w, value)
	return err
}

// step goes into a mapping by a key in any case, or into a list by a number from 0.
func step(value any, key string) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for name, next := range v {
			if strings.EqualFold(name, key) {
				return next, nil
			}
		}
		return nil, fmt.Errorf("it has %s", strings.Join(slices.Sorted(maps.Keys(v)), ", "))
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			return v[i], nil
		}
		return nil, fmt.Errorf("it is a list of %d", len(v))
	}
	return nil, fmt.Errorf("it is a plain value")
}
