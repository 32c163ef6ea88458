// Package record writes down what the API server answers about the broken shop, byte for byte, for the embedded replay.
//
// It reads as admin. Of Secrets it reads the table, as the collector does, and of that no copies of the objects.
package record

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"gumshoe.test/cluster/internal/running"
)

const (
	protobuf = "application/vnd.kubernetes.protobuf"
	table    = "application/json;as=Table;g=meta.k8s.io;v=v1"
	plain    = "application/json"
)

// Run replaces the recording in the directory.
func Run(ctx context.Context, dir, out string) error {
	cluster, err := running.Open(dir)
	if err != nil {
		return err
	}
	if err := clear(out); err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(cluster.Config)
	if err != nil {
		return err
	}
	r := &recorder{Cluster: cluster, http: client, out: out}
	resources, err := resources(cluster.Client.Discovery())
	if err != nil {
		return err
	}
	for i := range resources {
		if err := r.kind(ctx, &resources[i]); err != nil {
			return err
		}
	}
	if err := r.writeResources(resources); err != nil {
		return err
	}
	if err := r.answer(ctx, "version.json", "/version", plain); err != nil {
		return err
	}
	pods, err := cluster.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if err := r.writeNames(pods.Items); err != nil {
		return err
	}
	if err := r.logs(ctx, pods.Items); err != nil {
		return err
	}
	fmt.Println("recorded", out)
	return nil
}

type recorder struct {
	*running.Cluster
	http *http.Client
	out  string
}

// kind writes down all objects of a kind as they were at one moment, and what kubectl prints of them.
func (r *recorder) kind(ctx context.Context, it *resource) error {
	it.TableAt = time.Now().UTC()
	if it.Kind == "Secret" {
		return r.secrets(ctx, it)
	}
	if err := r.answer(ctx, it.Plural+".table.json", it.path(), table); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.out, it.Plural+".table.json"))
	if err != nil {
		return err
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	same := "?resourceVersionMatch=Exact&resourceVersion=" + list.ResourceVersion
	if err := r.answer(ctx, it.Plural+".pb", it.path()+same, protobuf); err != nil {
		return err
	}
	return r.kubectl(ctx, it.Plural)
}

// secrets writes down the table of the Secrets, which holds no values but in annotations that are copies of the objects.
func (r *recorder) secrets(ctx context.Context, it *resource) error {
	path := it.path() + "?includeObject=Metadata"
	code, body, err := r.get(ctx, path, table)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("GET %s: %d", path, code)
	}
	body, err = withoutCopies(body)
	if err != nil {
		return err
	}
	if err := r.write(it.Plural+".table.json", body); err != nil {
		return err
	}
	return r.kubectl(ctx, it.Plural)
}

// withoutCopies puts a remark in the place of each annotation that is a copy of its object.
func withoutCopies(body []byte) ([]byte, error) {
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return nil, err
	}
	for i := range table.Rows {
		var object metav1.PartialObjectMetadata
		if err := json.Unmarshal(table.Rows[i].Object.Raw, &object); err != nil {
			return nil, err
		}
		for key := range object.Annotations {
			if strings.Contains(key, "last-applied") {
				object.Annotations[key] = "a copy of the object, which is not recorded"
			}
		}
		raw, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		table.Rows[i].Object.Raw = raw
	}
	return json.Marshal(table)
}

// answer writes down what a path answers.
func (r *recorder) answer(ctx context.Context, file, path, accept string) error {
	code, body, err := r.get(ctx, path, accept)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, code, body)
	}
	return r.write(file, body)
}

// get asks without anything between us and the server that decodes, or tries again.
func (r *recorder) get(ctx context.Context, path, accept string) (code int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Config.Host+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := r.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return response.StatusCode, body, nil
}

// clear takes away the old recording, and only what a recording consists of.
func clear(out string) error {
	if err := os.RemoveAll(filepath.Join(out, "logs")); err != nil {
		return err
	}
	for _, pattern := range []string{"*.pb", "*.json", "*.txt"} {
		files, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *recorder) write(file string, content []byte) error {
	path := filepath.Join(r.out, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// kubectl writes down what kubectl prints at the same time.
func (r *recorder) kubectl(ctx context.Context, plural string) error {
	arguments := []string{"get", plural, "--all-namespaces", "--output=wide"}
	if plural == "events" {
		// Only this one sorts them.
		arguments = []string{"events", "--all-namespaces"}
	}
	command := exec.CommandContext(ctx, running.Kubectl(), append([]string{"--kubeconfig", r.Kubeconfig}, arguments...)...)
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("kubectl %v: %w", arguments, err)
	}
	return r.write("kubectl-get-"+plural+".txt", output)
}
