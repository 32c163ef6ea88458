package kubelet

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// whichRun finds the run of a container whose log is asked for, and its id; or the kubelet's words why there is none. It
// follows validateContainerLogStatus of the kubelet.
func whichRun(pod *corev1.Pod, container string, previous bool) (run int32, id string, err error) {
	status := find(pod, container)
	if status == nil {
		return 0, "", fmt.Errorf("container %q in pod %q is not available", container, pod.Name)
	}
	last, state := status.LastTerminationState.Terminated, status.State
	// A container that waits for its next start has not counted that yet; one that runs, or ran and ended, has.
	lastRun := status.RestartCount
	if state.Running != nil || (state.Terminated != nil && state.Terminated.ContainerID != "") {
		lastRun--
	}
	switch {
	case previous:
		if last == nil || last.ContainerID == "" {
			return 0, "", fmt.Errorf("previous terminated container %q in pod %q not found", container, pod.Name)
		}
		return lastRun, last.ContainerID, nil
	case state.Running != nil:
		return status.RestartCount, status.ContainerID, nil
	case state.Terminated != nil && state.Terminated.ContainerID != "":
		return status.RestartCount, state.Terminated.ContainerID, nil
	case last != nil && last.ContainerID != "":
		return lastRun, last.ContainerID, nil
	case state.Terminated != nil || last != nil:
		return 0, "", fmt.Errorf("container %q in pod %q is terminated", container, pod.Name)
	case state.Waiting == nil:
		return 0, "", fmt.Errorf("container %q in pod %q is waiting to start - no logs yet", container, pod.Name)
	}
	reason := state.Waiting.Reason
	switch reason {
	case "ErrImagePull":
		reason = "image can't be pulled"
	case "ImagePullBackOff":
		reason = "trying and failing to pull image"
	}
	return 0, "", fmt.Errorf("container %q in pod %q is waiting to start: %s", container, pod.Name, reason)
}

func find(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for _, statuses := range [][]corev1.ContainerStatus{
		pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.EphemeralContainerStatuses,
	} {
		for i := range statuses {
			if statuses[i].Name == container {
				return &statuses[i]
			}
		}
	}
	return nil
}
