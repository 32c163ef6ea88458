package record

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// groups are those that an investigation may ask about; what the control plane keeps for itself is in others.
var groups = []string{"", "apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io", "policy"}

// resource is where the API server has the objects of a kind.
type resource struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Plural  string `json:"plural"`
	Kind    string `json:"kind"`
	// TableAt is from when the ages in its table are counted.
	TableAt time.Time `json:"tableAt"`
}

// path is that of all objects.
func (r resource) path() string {
	if r.Group == "" {
		return "/api/" + r.Version + "/" + r.Plural
	}
	return "/apis/" + r.Group + "/" + r.Version + "/" + r.Plural
}

// resources are all that can be listed.
func resources(client discovery.DiscoveryInterface) ([]resource, error) {
	lists, err := client.ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	var found []resource
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, it := range list.APIResources {
			if slices.Contains(groups, version.Group) && isReadable(it) {
				found = append(found, resource{Group: version.Group, Version: version.Version, Plural: it.Name, Kind: it.Kind})
			}
		}
	}
	slices.SortFunc(found, func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Plural, b.Plural))
	})
	return found, nil
}

func isReadable(it metav1.APIResource) bool {
	return slices.Contains(it.Verbs, "list") && it.Kind != "ComponentStatus"
}

// writeResources tells a program what there is in this recording.
func (r *recorder) writeResources(found []resource) error {
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return r.write("resources.json", append(text, '\n'))
}
