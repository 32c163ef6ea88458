package kubelet

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheLogOfAContainerIsThatOfTheRunItsStatusSpeaksOf(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	terminated := func(id string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: id}}
	}
	for name, test := range map[string]struct {
		state, last corev1.ContainerState
		previous    bool
		run         int32
		err         string
	}{
		"a running one":                   {state: running, run: 7},
		"a running one, previous":         {state: running, last: terminated("a"), previous: true, run: 6},
		"a running one without previous":  {state: running, previous: true, err: `previous terminated container "app" in pod "p" not found`},
		"crash loop":                      {state: waiting("CrashLoopBackOff"), last: terminated("a"), run: 7},
		"crash loop, previous":            {state: waiting("CrashLoopBackOff"), last: terminated("a"), previous: true, run: 7},
		"ended":                           {state: terminated("b"), run: 7},
		"ended, previous":                 {state: terminated("b"), last: terminated("a"), previous: true, run: 6},
		"ended without an id":             {state: terminated(""), err: `container "app" in pod "p" is terminated`},
		"not yet created":                 {state: waiting("ContainerCreating"), err: `container "app" in pod "p" is waiting to start: ContainerCreating`},
		"an image that cannot be pulled":  {state: waiting("ErrImagePull"), err: `container "app" in pod "p" is waiting to start: image can't be pulled`},
		"an image that is not tried now":  {state: waiting("ImagePullBackOff"), err: `container "app" in pod "p" is waiting to start: trying and failing to pull image`},
		"nothing reported of its present": {err: `container "app" in pod "p" is waiting to start - no logs yet`},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{
				{Name: "app", RestartCount: 7, State: test.state, LastTerminationState: test.last},
			}
			run, _, err := whichRun(pod, "app", test.previous)
			switch {
			case test.err == "" && err != nil:
				t.Fatal(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Fatalf("error is %v, expected %s", err, test.err)
			case run != test.run:
				t.Fatalf("run is %d, expected %d", run, test.run)
			}
		})
	}
}

func TestAContainerWithoutStatusIsNotAvailable(t *testing.T) {
	_, _, err := whichRun(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}}, "app", false)
	if err == nil || err.Error() != `container "app" in pod "p" is not available` {
		t.Fatal(err)
	}
}
