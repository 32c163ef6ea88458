// Package shop puts the broken shop of tests/fixtures/shop into a running cluster: the manifests with kubectl, then what
// only kubelets and time can make: statuses, logs, events and age.
package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gumshoe.test/cluster/internal/await"
	"gumshoe.test/cluster/internal/running"
)

// settleTimeout bounds each wait for controllers, scheduler and kwok.
const settleTimeout = 2 * time.Minute

// Age is how long ago the shop was put up, as far as its objects tell.
const Age = 42 * time.Minute

// Apply puts the shop into the cluster of that directory and waits until every pod shows the state that it should.
func Apply(ctx context.Context, dir, fixtures string) error {
	cluster, err := running.Open(dir)
	if err != nil {
		return err
	}
	s := &shop{Cluster: cluster, fixtures: fixtures}
	_, err = s.Client.CoreV1().Namespaces().Get(ctx, "shop", metav1.GetOptions{})
	if err == nil {
		return errors.New("the shop is in this cluster already")
	}
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"apply the manifests", func(ctx context.Context) error { return s.kubectlApply(ctx, "manifests") }},
		{"lose a node", s.loseNode},
		{"roll out the first releases", s.firstRollouts},
		{"apply the change", func(ctx context.Context) error { return s.kubectlApply(ctx, "change") }},
		{"await the pods", s.awaitPods},
		{"age the objects", s.age},
		{"give the statuses", s.giveStatuses},
		{"give the statuses of other objects", s.giveObjects},
		{"create the events", s.createEvents},
		{"await the expected state", s.awaitExpected},
	}
	for _, step := range steps {
		started := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintf(os.Stderr, "shop: %s (%.1f s)\n", step.what, time.Since(started).Seconds())
	}
	fmt.Println("shop", cluster.Dir)
	return nil
}

type shop struct {
	*running.Cluster
	fixtures string
	given    []given
	expected []given
}

func (s *shop) kubectlApply(ctx context.Context, directory string) error {
	_, err := s.kubectl(ctx, "apply", "-f", filepath.Join(s.fixtures, directory))
	return err
}

// kubectl gives what it prints.
func (s *shop) kubectl(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, running.Kubectl(), append(arguments, "--kubeconfig="+s.Kubeconfig)...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w\n%s", arguments[0], err, complaint.Bytes())
	}
	return output, nil
}

// firstRollouts waits until the first release of all that the change changes serves, so that the change is a rollout like any other.
func (s *shop) firstRollouts(ctx context.Context) error {
	return await.Until(ctx, settleTimeout, "the pods of the first releases", func(ctx context.Context) error {
		output, err := s.kubectl(ctx, "get", "-f", filepath.Join(s.fixtures, "change"), "-o", "json")
		if err != nil {
			return err
		}
		var changed struct {
			Items []struct {
				Kind     string            `json:"kind"`
				Metadata metav1.ObjectMeta `json:"metadata"`
				Spec     struct {
					Replicas int32 `json:"replicas"`
				} `json:"spec"`
				Status struct {
					AvailableReplicas int32 `json:"availableReplicas"`
					Desired           int32 `json:"desiredNumberScheduled"`
					NumberAvailable   int32 `json:"numberAvailable"`
				} `json:"status"`
			} `json:"items"`
		}
		if err := json.Unmarshal(output, &changed); err != nil {
			return err
		}
		for _, item := range changed.Items {
			wanted, available := item.Spec.Replicas, item.Status.AvailableReplicas
			if item.Kind == "DaemonSet" {
				wanted, available = max(item.Status.Desired, 1), item.Status.NumberAvailable
			}
			if available != wanted {
				return fmt.Errorf("of %s %s, %d of %d are available", item.Kind, item.Metadata.Name, available, wanted)
			}
		}
		return nil
	})
}
