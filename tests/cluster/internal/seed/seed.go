// Package seed fills a cluster for the bench: many pods, copies of other objects, and long logs.
package seed

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gumshoe.test/cluster/internal/await"
	"gumshoe.test/cluster/internal/running"
	"gumshoe.test/cluster/internal/store"
)

// namespaces is the number of namespaces over which the pods are spread.
const namespaces = 10

// Options say how many pods to make, and where.
type Options struct {
	// Namespace is the first part of the names of the namespaces: bench-0 to bench-9.
	Namespace string
	// Pods is how many there are to be afterwards; those that are there already stay as they are.
	Pods int
	// Workers is the number of requests under way at a time.
	Workers int
}

// Pods makes pods as a busy cluster has them: some 5 KB of protobuf, with status and managed fields. The API server makes one,
// which is then copied in the store under other names: as the server would have stored it, in a tenth of the time.
func Pods(ctx context.Context, dir string, options Options) error {
	started := time.Now()
	cluster, err := running.Open(dir)
	if err != nil {
		return err
	}
	for i := range namespaces {
		if err := namespace(ctx, cluster, fmt.Sprintf("%s-%d", options.Namespace, i)); err != nil {
			return err
		}
	}
	pattern, err := makePattern(ctx, cluster, options.Namespace)
	if err != nil {
		return err
	}
	if err := copies(ctx, cluster, pattern, options); err != nil {
		return err
	}
	err = await.Until(ctx, time.Minute, "the pods in the API server's list", func(ctx context.Context) error {
		return counted(ctx, cluster, options)
	})
	if err != nil {
		return err
	}
	fmt.Printf("seeded %d pods in %.1f s\n", options.Pods, time.Since(started).Seconds())
	return nil
}

func namespace(ctx context.Context, cluster *running.Cluster, name string) error {
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := cluster.Client.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

// makePattern lets the API server make one pod with its status, reads how it is stored, and deletes it again.
func makePattern(ctx context.Context, cluster *running.Cluster, prefix string) (*corev1.Pod, error) {
	pods := cluster.Client.CoreV1().Pods(prefix + "-0")
	created, err := pods.Create(ctx, busyPod("pattern"), metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("the pattern: %w", err)
	}
	created.Status = busyStatus(created)
	if _, err := pods.UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
		return nil, fmt.Errorf("the pattern's status: %w", err)
	}
	stored, err := store.Open(cluster.Etcd)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	found, err := stored.Get(ctx, "/registry/pods/"+prefix+"-0/pattern")
	if err != nil || len(found.Kvs) == 0 {
		return nil, fmt.Errorf("the pattern is not in the store: %w", err)
	}
	object, err := store.Decode(found.Kvs[0].Value)
	if err != nil {
		return nil, err
	}
	now := int64(0)
	if err := pods.Delete(ctx, "pattern", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		return nil, err
	}
	return object.(*corev1.Pod), nil
}

// copies stores the pattern under the names of all pods that are not there yet.
func copies(ctx context.Context, cluster *running.Cluster, pattern *corev1.Pod, options Options) error {
	stored, err := store.Open(cluster.Etcd)
	if err != nil {
		return err
	}
	defer stored.Close()
	var next atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, options.Workers)
	for range options.Workers {
		workers.Go(func() {
			for index := int(next.Add(1)) - 1; index < options.Pods; index = int(next.Add(1)) - 1 {
				if err := put(ctx, stored, vary(pattern, options.Namespace, index)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

func put(ctx context.Context, stored *clientv3.Client, pod *corev1.Pod) error {
	encoded, err := store.Encode(pod)
	if err != nil {
		return err
	}
	key := "/registry/pods/" + pod.Namespace + "/" + pod.Name
	absent := clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
	_, err = stored.Txn(ctx).If(absent).Then(clientv3.OpPut(key, string(encoded))).Commit()
	return err
}

// counted holds when the API server lists as many pods as there are to be.
func counted(ctx context.Context, cluster *running.Cluster, options Options) error {
	total := int64(0)
	for i := range namespaces {
		list, err := cluster.Client.CoreV1().Pods(fmt.Sprintf("%s-%d", options.Namespace, i)).List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return err
		}
		total += int64(len(list.Items))
		if list.RemainingItemCount != nil {
			total += *list.RemainingItemCount
		}
	}
	if total < int64(options.Pods) {
		return fmt.Errorf("%d of %d are listed", total, options.Pods)
	}
	return nil
}

// vary makes a pod of its own out of the pattern: what differs between the pods of a Deployment, and a few apps.
func vary(pattern *corev1.Pod, prefix string, index int) *corev1.Pod {
	pod := pattern.DeepCopy()
	unique := hash(prefix, index)
	app := fmt.Sprintf("service-%02d", index/namespaces%40)
	pod.Name = fmt.Sprintf("%s-%s-%s", app, hash(app, 0)[:10], unique[:5])
	pod.Namespace = fmt.Sprintf("%s-%d", prefix, index%namespaces)
	pod.GenerateName = pod.Name[:len(pod.Name)-5]
	pod.UID = uid(unique)
	pod.CreationTimestamp = metav1.NewTime(pattern.CreationTimestamp.Add(-time.Duration(index) * time.Second))
	pod.Labels["app"], pod.Labels["app.kubernetes.io/name"] = app, app
	pod.Spec.NodeName = "node-" + string(rune('a'+index%3))
	pod.Status.PodIP = fmt.Sprintf("10.%d.%d.%d", 64+index>>16, index>>8&255, index&255)
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	for i := range pod.Status.ContainerStatuses {
		pod.Status.ContainerStatuses[i].ContainerID = "containerd://" + hash(unique, i)
	}
	if strings.HasSuffix(pod.Name, "0") { // one in sixteen has restarted
		pod.Status.ContainerStatuses[0].RestartCount = int32(1 + index%7)
	}
	return pod
}
