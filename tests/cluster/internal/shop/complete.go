package shop

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// complete turns the particular part of a status into what a kubelet would report of this pod, and puts it there.
func complete(pod *corev1.Pod, status *corev1.PodStatus) {
	started := metav1.NewTime(pod.CreationTimestamp.Add(time.Second))
	status.ObservedGeneration = pod.Generation
	status.QOSClass = pod.Status.QOSClass
	status.StartTime = &started
	status.HostIP = "127.0.0.1"
	status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	if status.Phase != corev1.PodFailed || status.Reason != "Evicted" {
		sum := sha256.Sum256([]byte(pod.UID))
		status.PodIP = fmt.Sprintf("10.244.%d.%d", 128+sum[0]%64, 2+sum[1]%250)
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}

	initialised := fill(pod, pod.Spec.InitContainers, status.InitContainerStatuses, initDone)
	ready := fill(pod, pod.Spec.Containers, status.ContainerStatuses, func(s *corev1.ContainerStatus, _ bool) bool { return s.Ready })
	fill(pod, ephemeral(pod), status.EphemeralContainerStatuses, func(*corev1.ContainerStatus, bool) bool { return true })
	if status.Phase == "" {
		status.Phase = phase(status)
	}
	status.Conditions = conditions(pod, status, started, initialised, ready)
	pod.Status = *status
}

// fill adds to each status what follows from the container's spec, and names the containers of which `good` does not hold.
func fill(
	pod *corev1.Pod, containers []corev1.Container, statuses []corev1.ContainerStatus,
	good func(status *corev1.ContainerStatus, sidecar bool) bool,
) (bad []string) {
	for i := range statuses {
		status := &statuses[i]
		for _, container := range containers {
			if container.Name != status.Name {
				continue
			}
			status.Image = container.Image
			if !good(status, container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways) {
				bad = append(bad, status.Name)
			}
		}
		if status.Started == nil {
			status.Started = new(bool)
		}
		state, last := &status.State, status.LastTerminationState.Terminated
		run, lastRun := status.RestartCount, status.RestartCount
		if state.Waiting == nil {
			lastRun--
		}
		if state.Terminated != nil {
			state.Terminated.ContainerID = containerID(pod, status.Name, run)
			status.ContainerID = state.Terminated.ContainerID
		}
		if last != nil {
			last.ContainerID = containerID(pod, status.Name, lastRun)
			status.ContainerID = last.ContainerID
		}
		if state.Running != nil || state.Terminated != nil {
			status.ContainerID = containerID(pod, status.Name, run)
		}
		if status.ContainerID != "" {
			status.ImageID = fmt.Sprintf("%s@sha256:%x", strings.SplitN(status.Image, ":", 2)[0], sha256.Sum256([]byte(status.Image)))
		}
	}
	return bad
}

// ephemeral gives the ephemeral containers as what they have in common with the others.
func ephemeral(pod *corev1.Pod) (containers []corev1.Container) {
	for _, container := range pod.Spec.EphemeralContainers {
		containers = append(containers, corev1.Container(container.EphemeralContainerCommon))
	}
	return containers
}

func containerID(pod *corev1.Pod, container string, run int32) string {
	return fmt.Sprintf("containerd://%x", sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", pod.UID, container, run)))
}

// initDone holds for an init container that lets the next one start.
func initDone(status *corev1.ContainerStatus, sidecar bool) bool {
	if sidecar {
		return status.Started != nil && *status.Started
	}
	return status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
}

// phase is Running as soon as a regular container has run.
func phase(status *corev1.PodStatus) corev1.PodPhase {
	for _, container := range status.ContainerStatuses {
		if container.State.Waiting == nil || container.LastTerminationState.Terminated != nil {
			return corev1.PodRunning
		}
	}
	return corev1.PodPending
}

// conditions are those of a kubelet, unless the entry gives one of its own.
func conditions(pod *corev1.Pod, status *corev1.PodStatus, since metav1.Time, uninitialised, unready []string) []corev1.PodCondition {
	named := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, own := range status.Conditions {
		named[own.Type] = own
	}
	var all []corev1.PodCondition
	add := func(kind corev1.PodConditionType, missing []string, reason, message string) {
		condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, ObservedGeneration: pod.Generation}
		if own, ok := named[kind]; ok {
			condition = own
		} else if status.Phase == corev1.PodSucceeded && reason == "ContainersNotReady" {
			condition.Status, condition.Reason = corev1.ConditionFalse, "PodCompleted"
		} else if status.Phase == corev1.PodFailed && reason == "ContainersNotReady" {
			condition.Status, condition.Reason = corev1.ConditionFalse, "PodFailed"
		} else if len(missing) > 0 {
			condition.Status, condition.Reason = corev1.ConditionFalse, reason
			condition.Message = fmt.Sprintf("containers with %s status: [%s]", message, strings.Join(missing, " "))
		}
		condition.LastTransitionTime = since
		all = append(all, condition)
	}
	add(corev1.PodReadyToStartContainers, nil, "", "")
	add(corev1.PodInitialized, uninitialised, "ContainersNotInitialized", "incomplete")
	add(corev1.PodReady, unready, "ContainersNotReady", "unready")
	add(corev1.ContainersReady, unready, "ContainersNotReady", "unready")
	add(corev1.PodScheduled, nil, "", "")
	return all
}
