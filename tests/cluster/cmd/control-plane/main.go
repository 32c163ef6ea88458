// Command control-plane is a real Kubernetes control plane for the tests, without containers.
//
// Its first argument names the role that the process plays: `apiserver` (etcd is embedded in the same process),
// `controller-manager` or `scheduler`. The other arguments are that component's own flags. It is one process a role, since
// Kubernetes' signal handler and logging set-up can run only once in a process.
//
// It starts nothing beside its role and picks no port: that is the work of the command `cluster`.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("name a role: apiserver, controller-manager or scheduler"))
	}
	role := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)

	var command *cobra.Command
	switch role {
	case "apiserver":
		stop, err := startEtcd()
		if err != nil {
			fail(err)
		}
		defer stop()
		command = apiserver.NewAPIServerCommand()
	case "controller-manager":
		command = controllermanager.NewControllerManagerCommand()
	case "scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		fail(fmt.Errorf("unknown role %q: apiserver, controller-manager or scheduler", role))
	}
	if err := cli.RunNoErrOutput(command); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "control-plane:", err)
	os.Exit(1)
}
