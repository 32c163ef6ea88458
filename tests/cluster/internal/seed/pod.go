package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func hash(text string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", text, number))
	return hex.EncodeToString(sum[:])
}

func uid(text string) types.UID {
	return types.UID(fmt.Sprintf("%s-%s-4%s-8%s-%s", text[0:8], text[8:12], text[13:16], text[17:20], text[20:32]))
}

// busyPod is what a chart of a grown-up company renders: two containers, probes, variables, volumes.
func busyPod(name string) *corev1.Pod {
	grace := int64(30)
	yes := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				"app": name, "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench",
				"app.kubernetes.io/managed-by": "Helm", "pod-template-hash": "7d9c8b5f6", "version": "v1.42.0", "team": "storefront",
			},
			Annotations: map[string]string{
				"gumshoe.test/status": "given", "checksum/config": hash("config", 0), "prometheus.io/scrape": "true",
				"prometheus.io/port": "9102", "kubectl.kubernetes.io/restartedAt": "2026-11-20T08:15:30Z",
				"kubectl.kubernetes.io/default-container": "app",
			},
		},
		Spec: corev1.PodSpec{
			NodeName:                      "node-a",
			TerminationGracePeriodSeconds: &grace,
			SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: &yes, FSGroup: new(int64)},
			Containers:                    []corev1.Container{busyContainer("app", 8080, 4), {Name: "proxy", Image: "registry.example/bench/proxy:1.42.0"}},
			Volumes: []corev1.Volume{
				{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "app-config"}}}},
				{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "app-tls"}}},
			},
		},
	}
}

func busyContainer(name string, port int32, variables int) corev1.Container {
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}},
			PeriodSeconds: 10, TimeoutSeconds: 2, FailureThreshold: 3,
		}
	}
	container := corev1.Container{
		Name:  name,
		Image: "registry.example/bench/" + name + ":1.42.0",
		Args:  []string{"--config=/etc/app/config.yaml", "--log-format=json"},
		Ports: []corev1.ContainerPort{{Name: name, ContainerPort: port}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("1m"), "memory": resource.MustParse("1Mi")},
			Limits:   corev1.ResourceList{"memory": resource.MustParse("512Mi")},
		},
		ReadinessProbe: probe("/ready"), LivenessProbe: probe("/healthz"),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "config", MountPath: "/etc/app", ReadOnly: true},
			{Name: "tls", MountPath: "/etc/tls", ReadOnly: true},
		},
	}
	for i := range variables {
		container.Env = append(container.Env, corev1.EnvVar{
			Name: fmt.Sprintf("SETTING_%02d", i), Value: fmt.Sprintf("http://dependency-%02d.bench.svc.cluster.local:8080/v1", i),
		})
	}
	return container
}

// busyStatus is that of a pod that is well.
func busyStatus(pod *corev1.Pod) corev1.PodStatus {
	now := metav1.NewTime(time.Now())
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &now, QOSClass: pod.Status.QOSClass,
		HostIP: "127.0.0.1", HostIPs: []corev1.HostIP{{IP: "127.0.0.1"}},
		PodIP: "10.64.0.1", PodIPs: []corev1.PodIP{{IP: "10.64.0.1"}},
	}
	for _, kind := range []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	yes := true
	for i, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image + "@sha256:" + hash(container.Image, 0),
			ContainerID: "containerd://" + hash(container.Name, i), Ready: true, Started: &yes,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	return status
}
