package shop

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// lostNode is the node without a kubelet.
const lostNode = "node-lost"

// loseNode reports of the lost node what its kubelet last did, and where that was to be reached. Port 1 is where nobody
// listens, so that a log of its pods ends in `connection refused`.
func (s *shop) loseNode(ctx context.Context) error {
	nodes := s.Client.CoreV1().Nodes()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		node, err := nodes.Get(ctx, lostNode, metav1.GetOptions{})
		if err != nil {
			return err
		}
		seen := metav1.NewTime(time.Now().Add(-time.Minute))
		node.Status.Addresses = []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "127.0.0.1"},
			{Type: corev1.NodeHostName, Address: lostNode},
		}
		node.Status.DaemonEndpoints.KubeletEndpoint.Port = 1
		node.Status.NodeInfo.KubeletVersion = "v1.36.3"
		node.Status.Conditions = []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown",
			Message: "Kubelet stopped posting node status.", LastHeartbeatTime: seen, LastTransitionTime: seen,
		}}
		_, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
		return err
	})
}
