package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
)

// Path is where the log of one run of a container lies.
func Path(root, namespace, pod, container string, run int32) string {
	return filepath.Join(root, namespace, pod, container, fmt.Sprintf("%d.log", run))
}

func (s *Server) read(
	ctx context.Context, pod *corev1.Pod, container string, run int32, id string, options *corev1.PodLogOptions, out io.Writer,
) error {
	path := Path(s.logs, pod.Namespace, pod.Name, container, run)
	if _, err := os.Stat(path[:len(path)-len("log")] + "gone"); err == nil {
		return fmt.Errorf("unable to retrieve container logs for %s", id)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	stdout, stderr := out, out
	if options.Stream != nil && *options.Stream == corev1.LogStreamStdout {
		stderr = nil
	}
	if options.Stream != nil && *options.Stream == corev1.LogStreamStderr {
		stdout = nil
	}
	running := &runtime{running: find(pod, container).State.Running != nil}
	return logs.ReadLogs(ctx, path, id, readerOptions(options), running, stdout, stderr)
}

// readerOptions says the same to the reader; of two beginnings the later one holds, as in the kubelet.
func readerOptions(options *corev1.PodLogOptions) *logs.LogOptions {
	converted := &logs.LogOptions{
		TailLines:  options.TailLines,
		LimitBytes: options.LimitBytes,
		Follow:     options.Follow,
		Timestamp:  options.Timestamps,
	}
	if options.SinceSeconds != nil {
		converted.Since = time.Now().Add(-time.Duration(*options.SinceSeconds) * time.Second)
	}
	if options.SinceTime != nil && options.SinceTime.After(converted.Since) {
		converted.Since = options.SinceTime.Time
	}
	return converted
}

// runtime tells the reader whether to go on waiting for lines: a container that has ended writes no more.
type runtime struct {
	criapi.RuntimeService
	running bool
}

func (r *runtime) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if r.running {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
