package kubelet

import (
	"net/url"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// parse reads the options as the API server writes them into the query.
func parse(query url.Values) (*corev1.PodLogOptions, error) {
	options := &corev1.PodLogOptions{
		Follow:     query.Get("follow") == "true",
		Previous:   query.Get("previous") == "true",
		Timestamps: query.Get("timestamps") == "true",
	}
	for name, field := range map[string]**int64{
		"sinceSeconds": &options.SinceSeconds,
		"tailLines":    &options.TailLines,
		"limitBytes":   &options.LimitBytes,
	} {
		if !query.Has(name) {
			continue
		}
		value, err := strconv.ParseInt(query.Get(name), 10, 64)
		if err != nil {
			return nil, err
		}
		*field = &value
	}
	if query.Has("sinceTime") {
		at, err := time.Parse(time.RFC3339, query.Get("sinceTime"))
		if err != nil {
			return nil, err
		}
		options.SinceTime = &metav1.Time{Time: at}
	}
	if query.Has("stream") {
		stream := query.Get("stream")
		options.Stream = &stream
	}
	return options, nil
}
