// Package shop puts the broken shop of tests/fixtures/shop into a running cluster: the manifests with kubectl, then what
// only kubelets and time can make: statuses, logs, events and age.
package shop

import (
	"context"
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
		{"roll out the first api", s.firstRollout},
		{"apply the change", func(ctx context.Context) error { return s.kubectlApply(ctx, "change") }},
		{"await the pods", s.awaitPods},
		{"age the objects", s.age},
		{"give the statuses", s.giveStatuses},
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
	command := exec.CommandContext(ctx, running.Kubectl(), "--kubeconfig", s.Kubeconfig, "apply", "-f", filepath.Join(s.fixtures, directory))
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, output)
	}
	return nil
}

// firstRollout waits until the first release of api serves, so that the change is a rollout like any other.
func (s *shop) firstRollout(ctx context.Context) error {
	return await.Until(ctx, settleTimeout, "both pods of the first api", func(ctx context.Context) error {
		deployment, err := s.Client.AppsV1().Deployments("shop").Get(ctx, "api", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if deployment.Status.AvailableReplicas != 2 {
			return fmt.Errorf("%d of 2 are available", deployment.Status.AvailableReplicas)
		}
		return nil
	})
}
