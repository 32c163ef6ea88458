package shop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// statusGiven is the annotation of the pods that kwok leaves alone.
const statusGiven = "gumshoe.test/status"

// given is one entry of a file in statuses/.
type given struct {
	Namespace string            `json:"namespace"`
	Selector  string            `json:"selector"`
	Index     int               `json:"index"`
	Delete    bool              `json:"delete"`
	Expect    expectation       `json:"expect"`
	Logs      map[string]string `json:"logs"`
	// EphemeralContainers are added as kubectl debug does.
	EphemeralContainers []corev1.EphemeralContainer `json:"ephemeralContainers"`
	// Status is absent where the real parts make it, and only the expectation counts.
	Status *corev1.PodStatus `json:"status"`
}

// expectation is what the API server's table prints in these columns.
type expectation struct {
	Status   string `json:"status"`
	Ready    string `json:"ready"`
	Restarts int    `json:"restarts"`
}

// pod finds the entry's pod.
func (s *shop) pod(ctx context.Context, namespace, selector string, index int) (*corev1.Pod, error) {
	list, err := s.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	pods := list.Items
	sort.Slice(pods, func(i, j int) bool { return pods[i].Name < pods[j].Name })
	if index >= len(pods) {
		return nil, fmt.Errorf("%d pods match %s in %s, number %d is wanted", len(pods), selector, namespace, index+1)
	}
	return &pods[index], nil
}

// read renders the YAML files of a directory of the fixtures and decodes each into a list.
func read[T any](ctx context.Context, s *shop, directory string) ([]T, error) {
	files, err := filepath.Glob(filepath.Join(s.fixtures, directory, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %s", filepath.Join(s.fixtures, directory))
	}
	var all []T
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		rendered, err := s.render(ctx, string(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var list []T
		if err := yaml.UnmarshalStrict(rendered, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// render fills in a template: times relative to now, and the names and uids that the cluster chose.
func (s *shop) render(ctx context.Context, text string) ([]byte, error) {
	now := time.Now()
	ago := func(layout string) func(string) (string, error) {
		return func(age string) (string, error) {
			duration, err := time.ParseDuration(age)
			return now.Add(-duration).UTC().Format(layout), err
		}
	}
	funcs := template.FuncMap{
		"ago":      ago(time.RFC3339),
		"agoMicro": ago(metav1.RFC3339Micro),
		"list":     func(items ...int) []int { return items },
		"repeat":   func(count int, text string) string { return strings.Repeat(text, count) },
		"pod": func(namespace, selector string, index int) (string, error) {
			pod, err := s.pod(ctx, namespace, selector, index)
			if err != nil {
				return "", err
			}
			return pod.Name, nil
		},
		"uid": func(namespace, selector string, index int) (string, error) {
			pod, err := s.pod(ctx, namespace, selector, index)
			if err != nil {
				return "", err
			}
			return string(pod.UID), nil
		},
	}
	parsed, err := template.New("").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, nil)
	return out.Bytes(), err
}
