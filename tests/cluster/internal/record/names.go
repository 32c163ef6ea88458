package record

import (
	"encoding/json"
	"errors"
	"sort"

	corev1 "k8s.io/api/core/v1"
)

// names tells a program what the controllers called the pods of this recording.
type names struct {
	// Crashed is the container that the demo investigates.
	Crashed crashed `json:"crashed"`
	// Pods are, by namespace and label `app`, the pods in order of their names.
	Pods map[string]map[string][]string `json:"pods"`
}

type crashed struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
}

func (r *recorder) writeNames(pods []corev1.Pod) error {
	all := names{Pods: map[string]map[string][]string{}}
	for _, pod := range pods {
		app := pod.Labels["app"]
		if app == "" {
			app = pod.Labels["k8s-app"]
		}
		if all.Pods[pod.Namespace] == nil {
			all.Pods[pod.Namespace] = map[string][]string{}
		}
		named := append(all.Pods[pod.Namespace][app], pod.Name)
		sort.Strings(named)
		all.Pods[pod.Namespace][app] = named
		for _, status := range pod.Status.ContainerStatuses {
			if pod.Namespace == "shop" && status.State.Waiting != nil && status.State.Waiting.Reason == "CrashLoopBackOff" {
				all.Crashed = crashed{pod.Namespace, pod.Name, status.Name}
			}
		}
	}
	if all.Crashed.Pod == "" {
		return errors.New("no container of the shop is in CrashLoopBackOff: is the shop applied?")
	}
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return r.write("names.json", append(content, '\n'))
}
