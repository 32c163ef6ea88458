package seed

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gumshoe.test/cluster/internal/await"
	"gumshoe.test/cluster/internal/kubelet"
	"gumshoe.test/cluster/internal/running"
)

// LogOptions say whose logs to write, and how long. Where there are several pods, their names are Pod-00, Pod-01 and so on, and
// their lines come in turn.
type LogOptions struct {
	Namespace, Pod, Container string
	Pods, Lines               int
}

// logSpan is the time that the log covers, up to now.
const logSpan = 6 * time.Hour

// Log makes pods labelled app=Pod and gives the container of each a log of so many lines, 116 bytes each on average as the API server
// sends them with timestamps.
func Log(ctx context.Context, dir string, options LogOptions) error {
	cluster, err := running.Open(dir)
	if err != nil {
		return err
	}
	if err := namespace(ctx, cluster, options.Namespace); err != nil {
		return err
	}
	for index := range options.Pods {
		name := options.Pod
		if options.Pods > 1 {
			name = fmt.Sprintf("%s-%02d", options.Pod, index)
		}
		if err := logOf(ctx, cluster, options, name, index); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func logOf(ctx context.Context, cluster *running.Cluster, options LogOptions, name string, index int) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": options.Pod}},
		Spec: corev1.PodSpec{
			NodeName:   "node-" + string(rune('a'+index%3)),
			Containers: []corev1.Container{{Name: options.Container, Image: "registry.example/bench/chatty:1"}},
		},
	}
	pods := cluster.Client.CoreV1().Pods(options.Namespace)
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	path := kubelet.Path(cluster.Logs, options.Namespace, name, options.Container, 0)
	size, err := writeLog(path, options.Lines)
	if err != nil {
		return err
	}
	err = await.Until(ctx, time.Minute, "the pod with the long log", func(ctx context.Context) error {
		found, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err == nil && found.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("its phase is %q", found.Status.Phase)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("log %s lines=%d bytes=%d\n", path, options.Lines, size)
	return nil
}

// writeLog writes the file and gives the size of the body that the API server makes of it, with timestamps.
func writeLog(path string, lines int) (body int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	levels := []string{"debug", "info", "info", "warn"}
	step := logSpan / time.Duration(max(lines, 1))
	at := time.Now().UTC().Add(-logSpan)
	var stamp, text []byte
	for i := range lines {
		at = at.Add(step + time.Duration(i%997))
		stamp = at.AppendFormat(stamp[:0], "2006-01-02T15:04:05.000000000Z07:00")
		text = fmt.Appendf(text[:0], `{"level":"%s","msg":"request done","id":%08d,"path":"/v1/items/%d","ms":%d}`,
			levels[i%len(levels)], i, i%4099, i%239)
		body += int64(len(stamp) + 1 + len(text) + 1)
		_, _ = out.Write(stamp) // the error shows at Flush
		_, _ = out.WriteString(" stdout F ")
		_, _ = out.Write(text)
		_ = out.WriteByte('\n')
	}
	return body, out.Flush()
}
