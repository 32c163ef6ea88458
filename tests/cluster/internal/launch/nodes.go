package launch

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// managedNode is the annotation of the nodes that kwok plays; a node without it has no kubelet at all.
const managedNode = "kwok.x-k8s.io/node=fake"

func createNodes(ctx context.Context, client kubernetes.Interface, names []string) error {
	for i, name := range names {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:        name,
				Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
				Labels: map[string]string{
					"kubernetes.io/arch":               "amd64",
					"kubernetes.io/hostname":           name,
					"kubernetes.io/os":                 "linux",
					"node-role.kubernetes.io/worker":   "",
					"node.kubernetes.io/instance-type": "m6i.xlarge",
					"topology.kubernetes.io/region":    "eu-central-1",
					"topology.kubernetes.io/zone":      "eu-central-1" + string(rune('a'+i%3)),
				},
			},
		}
		if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create node %s: %w", name, err)
		}
	}
	return nil
}

// nodesReady holds when kwok reports every node as Ready and the controller manager has taken its taints away.
func nodesReady(client kubernetes.Interface, names []string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, name := range names {
			node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if !isReady(node) {
				return fmt.Errorf("node %s is not Ready", name)
			}
			if len(node.Spec.Taints) > 0 {
				return fmt.Errorf("node %s has the taint %s", name, node.Spec.Taints[0].Key)
			}
		}
		return nil
	}
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// answersOK holds when a GET of the address is answered with 200.
func answersOK(client *http.Client, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", address, response.Status)
		}
		return nil
	}
}
