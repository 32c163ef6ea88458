// Package running reaches a cluster that `cluster up` has started.
package running

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is one that is up.
type Cluster struct {
	// Dir is its directory; Kubeconfig the admin's; Logs where its kubelets find the logs; Etcd the address of its store.
	Dir, Kubeconfig, Logs, Etcd string
	// Config and Client are the admin's. They speak protobuf and are not throttled.
	Config *rest.Config
	Client kubernetes.Interface
}

// Open reads the file env of the directory, which is there once the cluster is ready.
func Open(dir string) (*Cluster, error) {
	content, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil {
		return nil, fmt.Errorf("no cluster is up in %s: %w", dir, err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = value
		}
	}
	c := &Cluster{Dir: dir, Kubeconfig: env["KUBECONFIG"], Logs: env["CLUSTER_LOGS"], Etcd: env["CLUSTER_ETCD"]}
	c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, err
	}
	c.Config.QPS = -1
	c.Config.UserAgent = "gumshoe-test-cluster"
	c.Config.ContentType = "application/vnd.kubernetes.protobuf"
	c.Config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	c.Client, err = kubernetes.NewForConfig(c.Config)
	return c, err
}

// Kubectl is the one beside this program, or else the one on PATH.
func Kubectl() string {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "kubectl")
		if path, err := exec.LookPath(beside); err == nil {
			return path
		}
	}
	return "kubectl"
}
