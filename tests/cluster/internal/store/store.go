// Package store reads and writes objects in etcd, past the API server, as the API server stores them: for what it does not let
// anyone do, such as make an old object.
package store

import (
	"bytes"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

var codec = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

// Open connects to the store.
func Open(address string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 10 * time.Second})
}

// Decode takes the value of a key.
func Decode(value []byte) (runtime.Object, error) {
	object, _, err := codec.Decode(value, nil, nil)
	return object, err
}

// Encode makes the value of a key.
func Encode(object runtime.Object) ([]byte, error) {
	var out bytes.Buffer
	err := codec.Encode(object, &out)
	return out.Bytes(), err
}
