package seed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"gumshoe.test/cluster/internal/await"
	"gumshoe.test/cluster/internal/running"
	"gumshoe.test/cluster/internal/store"
)

// CopyOptions say of what there are to be how many.
type CopyOptions struct {
	// Group, Version and Resource are those of the API: "apps", "v1", "deployments".
	Group, Version, Resource string
	// Namespace is where the copies go, if the kind has namespaces.
	Namespace string
	// Objects is how many copies there are to be.
	Objects int
}

// Copies stores the objects of a kind that there are under new names, until there are as many copies as are wanted. What a controller
// would do for one of them is taken from it: they are there to be read.
func Copies(ctx context.Context, dir string, options CopyOptions) error {
	cluster, err := running.Open(dir)
	if err != nil {
		return err
	}
	if err := namespace(ctx, cluster, options.Namespace); err != nil {
		return err
	}
	stored, err := store.Open(cluster.Etcd)
	if err != nil {
		return err
	}
	defer stored.Close()
	prefix := "/registry/" + directory(options.Resource) + "/"
	found, err := stored.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if len(found.Kvs) == 0 {
		return errors.New("there is none to copy")
	}
	for index := range options.Objects {
		value := found.Kvs[index%len(found.Kvs)].Value
		if err := storeCopy(ctx, stored, prefix, value, options.Namespace, index); err != nil {
			return err
		}
	}
	if err := calmed(ctx, cluster, options); err != nil {
		return err
	}
	fmt.Printf("copied %d %s\n", options.Objects, options.Resource)
	return nil
}

// directory is where the store has the objects of a resource.
func directory(resource string) string {
	switch resource {
	case "ingresses":
		return "ingress"
	case "nodes":
		return "minions"
	case "services":
		return "services/specs"
	}
	return resource
}

func storeCopy(ctx context.Context, stored *clientv3.Client, prefix string, value []byte, namespace string, index int) error {
	object, err := store.Decode(value)
	if err != nil {
		return err
	}
	calm(object)
	about, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%.40s-copy-%04d", about.GetName(), index)
	key := prefix + name
	if about.GetNamespace() != "" {
		about.SetNamespace(namespace)
		key = prefix + namespace + "/" + name
	}
	about.SetName(name)
	about.SetUID(uid(hash(key, index)))
	about.SetOwnerReferences(nil)
	about.SetFinalizers(nil)
	about.SetDeletionTimestamp(nil)
	encoded, err := store.Encode(object)
	if err != nil {
		return err
	}
	_, err = stored.Put(ctx, key, string(encoded))
	return err
}

// calm leaves controllers nothing to do.
func calm(object runtime.Object) {
	yes, no := true, int32(0)
	nowhere := map[string]string{"disk": "tape"}
	switch it := object.(type) {
	case *appsv1.Deployment:
		it.Spec.Paused, it.Spec.Replicas = true, &no
	case *appsv1.ReplicaSet:
		it.Spec.Replicas = &no
	case *appsv1.StatefulSet:
		it.Spec.Replicas = &no
	case *appsv1.DaemonSet:
		it.Spec.Template.Spec.NodeSelector = nowhere
	case *batchv1.Job:
		it.Spec.Suspend = &yes
	case *batchv1.CronJob:
		it.Spec.Suspend = &yes
	case *corev1.PersistentVolumeClaim:
		it.Spec.VolumeName, it.Annotations = "", nil
	case *discoveryv1.EndpointSlice:
		delete(it.Labels, discoveryv1.LabelManagedBy)
	case *corev1.Pod:
		// kwok leaves it alone.
		it.Annotations = map[string]string{"gumshoe.test/status": "given"}
	case *corev1.Node:
		it.Spec.Taints = append(it.Spec.Taints, corev1.Taint{Key: "copy", Effect: corev1.TaintEffectNoSchedule})
	}
}

// calmed waits until the API server lists as many copies as there are to be, and controllers have written what they write of new
// objects: none of them has changed between two looks.
func calmed(ctx context.Context, cluster *running.Cluster, options CopyOptions) error {
	client, err := metadata.NewForConfig(cluster.Config)
	if err != nil {
		return err
	}
	gvr := schema.GroupVersionResource{Group: options.Group, Version: options.Version, Resource: options.Resource}
	before := map[string]string{}
	return await.Until(ctx, time.Minute, "the copies in the API server's list", func(ctx context.Context) error {
		list, err := client.Resource(gvr).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		now := map[string]string{}
		for _, item := range list.Items {
			if strings.Contains(item.Name, "-copy-") {
				now[item.Name] = item.ResourceVersion
			}
		}
		calm := maps.Equal(before, now)
		before = now
		switch {
		case len(now) < options.Objects:
			return fmt.Errorf("%d of %d are listed", len(now), options.Objects)
		case !calm:
			return errors.New("some are still being written")
		}
		return nil
	})
}
