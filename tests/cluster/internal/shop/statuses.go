package shop

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"gumshoe.test/cluster/internal/await"
)

// awaitPods waits until the pods of every entry exist and are scheduled, and none of an older rollout is left.
func (s *shop) awaitPods(ctx context.Context) error {
	return await.Until(ctx, settleTimeout, "the pods of the shop", func(ctx context.Context) error {
		// The entries name pods, so that they can be read only once the pods are there.
		entries, err := read[given](ctx, s, "statuses")
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.Status == nil {
				continue
			}
			list, err := s.Client.CoreV1().Pods(entry.Namespace).List(ctx, metav1.ListOptions{LabelSelector: entry.Selector})
			if err != nil {
				return err
			}
			if len(list.Items) <= entry.Index {
				return fmt.Errorf("%d pods match %s", len(list.Items), entry.Selector)
			}
			for _, pod := range list.Items {
				if pod.Annotations[statusGiven] == "" {
					return fmt.Errorf("pod %s of the older rollout is still there", pod.Name)
				}
				if pod.Spec.NodeName == "" {
					return fmt.Errorf("pod %s is not scheduled", pod.Name)
				}
			}
		}
		return nil
	})
}

// giveStatuses writes the statuses through the status subresource, the logs beside them, and deletes what is to hang in its
// deletion.
func (s *shop) giveStatuses(ctx context.Context) error {
	entries, err := read[given](ctx, s, "statuses")
	if err != nil {
		return err
	}
	s.expected = entries
	for _, entry := range entries {
		if err := s.give(ctx, entry); err != nil {
			return fmt.Errorf("%s in %s: %w", entry.Selector, entry.Namespace, err)
		}
	}
	return nil
}

func (s *shop) give(ctx context.Context, entry given) error {
	pods := s.Client.CoreV1().Pods(entry.Namespace)
	found, err := s.pod(ctx, entry.Namespace, entry.Selector, entry.Index)
	if err != nil {
		return err
	}
	if err := s.writeLogs(found, entry.Logs); err != nil {
		return err
	}
	if entry.Status == nil {
		return nil
	}
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		pod, err := pods.Get(ctx, found.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if len(pod.Spec.EphemeralContainers) < len(entry.EphemeralContainers) {
			pod.Spec.EphemeralContainers = entry.EphemeralContainers
			if pod, err = pods.UpdateEphemeralContainers(ctx, pod.Name, pod, metav1.UpdateOptions{}); err != nil {
				return err
			}
		}
		complete(pod, entry.Status.DeepCopy())
		_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		return err
	})
	if err != nil || !entry.Delete {
		return err
	}
	if err := pods.Delete(ctx, found.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}
