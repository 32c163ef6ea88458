package record

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// refusal is an answer of the API server that is no log.
type refusal struct {
	Code    int32  `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// logs writes the log of the present and of the previous run of every container of every pod, or the server's refusal. A pod
// that is not scheduled is answered with 204: it has an empty log.
func (r *recorder) logs(ctx context.Context, pods []corev1.Pod) error {
	for i := range pods {
		pod := &pods[i]
		for _, container := range containers(pod) {
			file := filepath.Join("logs", pod.Namespace, pod.Name, container)
			if err := r.log(ctx, pod, container, false, file); err != nil {
				return err
			}
			if err := r.log(ctx, pod, container, true, file+".previous"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *recorder) log(ctx context.Context, pod *corev1.Pod, container string, previous bool, file string) error {
	query := url.Values{"container": {container}, "timestamps": {"true"}}
	if previous {
		query.Set("previous", "true")
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/log?%s", pod.Namespace, pod.Name, query.Encode())
	code, body, err := r.get(ctx, path, plain)
	if err != nil {
		return err
	}
	if code < 300 {
		return r.write(file+".log", body)
	}
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err != nil {
		return fmt.Errorf("GET %s: %d %s: %w", path, code, body, err)
	}
	content, err := json.Marshal(refusal{status.Code, string(status.Reason), status.Message})
	if err != nil {
		return err
	}
	return r.write(file+".error.json", append(content, '\n'))
}

func containers(pod *corev1.Pod) (names []string) {
	for _, container := range pod.Spec.InitContainers {
		names = append(names, container.Name)
	}
	for _, container := range pod.Spec.Containers {
		names = append(names, container.Name)
	}
	for _, container := range pod.Spec.EphemeralContainers {
		names = append(names, container.Name)
	}
	return names
}
