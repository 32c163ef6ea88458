package shop

import (
	"context"
	"encoding/json"
	"fmt"
)

// object is one entry of a file in objects/: what a part of a cluster that does not run here would write of an object, or that it
// is to be deleted, which finalizers may keep from coming to its end.
type object struct {
	Resource  string          `json:"resource"`
	Namespace string          `json:"namespace"`
	Name      string          `json:"name"`
	Status    json.RawMessage `json:"status"`
	Delete    bool            `json:"delete"`
}

// giveObjects writes the statuses of objects other than pods, and deletes what is to be deleted.
func (s *shop) giveObjects(ctx context.Context) error {
	entries, err := read[object](ctx, s, "objects")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		var arguments []string
		if entry.Status != nil {
			patch := fmt.Sprintf(`{"status": %s}`, entry.Status)
			arguments = []string{"patch", entry.Resource, entry.Name, "--subresource=status", "--type=merge", "--patch=" + patch}
		}
		if entry.Delete {
			arguments = []string{"delete", entry.Resource, entry.Name, "--wait=false"}
		}
		if entry.Namespace != "" {
			arguments = append(arguments, "--namespace="+entry.Namespace)
		}
		if _, err := s.kubectl(ctx, arguments...); err != nil {
			return fmt.Errorf("%s %s: %w", entry.Resource, entry.Name, err)
		}
	}
	return nil
}
