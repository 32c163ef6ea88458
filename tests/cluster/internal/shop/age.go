package shop

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gumshoe.test/cluster/internal/store"
)

// The API server sets the time of creation itself, so an object that has been there for a while can be had in two ways: wait,
// or rewrite it in the store. Controllers and caches learn of the rewritten object by their watches, like of any other.

// aged are the keys in the store whose objects are made older. Leases are not among them: a node's life depends on them.
var aged = []string{
	"configmaps", "controllerrevisions", "cronjobs", "daemonsets", "deployments", "endpointslices", "events", "horizontalpodautoscalers",
	"ingress", "jobs", "minions", "namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "replicasets", "secrets",
	"services/specs", "statefulsets",
}

// age moves every time in every object that is younger than Age back by Age.
func (s *shop) age(ctx context.Context) error {
	border := time.Now().Add(-Age)
	return s.rewrite(ctx, func(_ string, object metav1.Object) bool {
		if object.GetCreationTimestamp().Time.Before(border) {
			return false
		}
		shift(reflect.ValueOf(object), -Age)
		return true
	})
}

// setCreation sets the time of creation of single objects, by their keys in the store.
func (s *shop) setCreation(ctx context.Context, times map[string]time.Time) error {
	return s.rewrite(ctx, func(key string, object metav1.Object) bool {
		at, ok := times[key]
		if ok {
			object.SetCreationTimestamp(metav1.NewTime(at))
		}
		return ok
	})
}

// rewrite offers every object of the aged kinds to change, and stores it again where that says so.
func (s *shop) rewrite(ctx context.Context, change func(key string, object metav1.Object) bool) error {
	stored, err := store.Open(s.Etcd)
	if err != nil {
		return err
	}
	defer stored.Close()
	for _, kind := range aged {
		found, err := stored.Get(ctx, "/registry/"+kind+"/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
		if err != nil {
			return err
		}
		for _, pair := range found.Kvs {
			if err := rewriteOne(ctx, stored, string(pair.Key), change); err != nil {
				return fmt.Errorf("%s: %w", pair.Key, err)
			}
		}
	}
	return nil
}

func rewriteOne(ctx context.Context, stored *clientv3.Client, key string, change func(string, metav1.Object) bool) error {
	for {
		found, err := stored.Get(ctx, key)
		if err != nil || len(found.Kvs) == 0 {
			return err // nothing there any more: nothing to do
		}
		value := found.Kvs[0]
		decoded, err := store.Decode(value.Value)
		if err != nil {
			return err
		}
		object, ok := decoded.(metav1.Object)
		if !ok {
			return errors.New("has no metadata")
		}
		if !change(strings.TrimSuffix(key, "/"), object) {
			return nil
		}
		encoded, err := store.Encode(decoded)
		if err != nil {
			return err
		}
		// Someone else may have written in between, most likely a controller: then once more.
		unchanged := clientv3.Compare(clientv3.ModRevision(key), "=", value.ModRevision)
		put := clientv3.OpPut(key, string(encoded), clientv3.WithLease(clientv3.LeaseID(value.Lease)))
		written, err := stored.Txn(ctx).If(unchanged).Then(put).Commit()
		if err != nil || written.Succeeded {
			return err
		}
	}
}

// shift moves every time in a value, however deep, unless it is null.
func shift(value reflect.Value, by time.Duration) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			shift(value.Elem(), by)
		}
	case reflect.Slice:
		for i := range value.Len() {
			shift(value.Index(i), by)
		}
	case reflect.Struct:
		switch at := value.Addr().Interface().(type) {
		case *metav1.Time:
			if !at.IsZero() {
				at.Time = at.Add(by)
			}
		case *metav1.MicroTime:
			if !at.IsZero() {
				at.Time = at.Add(by)
			}
		default:
			for i := range value.NumField() {
				if value.Type().Field(i).IsExported() {
					shift(value.Field(i), by)
				}
			}
		}
	}
}
