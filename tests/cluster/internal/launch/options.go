// Package launch starts the control plane as children of this process, waits until it serves, and stops it.
package launch

import (
	"fmt"
	"os"
	"path/filepath"
)

// Options say what to start.
type Options struct {
	// Dir is where everything of this cluster is written. It is made; it must not hold a cluster already.
	Dir string
	// Nodes is the number of nodes that kwok plays, named node-a, node-b, …
	Nodes int
	// Audit asks for DIR/audit.log at level Metadata.
	Audit bool
}

// paths are the files of one cluster.
type paths struct{ dir string }

func (p paths) at(name ...string) string { return filepath.Join(append([]string{p.dir}, name...)...) }

func (p paths) kubeconfig(user string) string { return p.at(user + ".kubeconfig") }

// prepare makes the directories and refuses one that is in use.
func prepare(dir string) (paths, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return paths{}, err
	}
	p := paths{dir: absolute}
	if _, err := os.Stat(p.at("env")); err == nil {
		return paths{}, fmt.Errorf("%s already holds a cluster (its file env is there): choose another directory", absolute)
	}
	for _, name := range []string{"", "log", "pki", "logs"} {
		if err := os.MkdirAll(p.at(name), 0o700); err != nil {
			return paths{}, err
		}
	}
	return p, nil
}

// nodeNames gives node-a to node-z, then node-27 and so on.
func nodeNames(count int) []string {
	names := make([]string, 0, count)
	for i := range count {
		if i < 26 {
			names = append(names, "node-"+string(rune('a'+i)))
		} else {
			names = append(names, fmt.Sprintf("node-%d", i+1))
		}
	}
	return names
}
