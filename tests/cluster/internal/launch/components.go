package launch

import (
	_ "embed"
	"fmt"
	"os"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

//go:embed stages.yaml
var stages []byte

func (c *children) startAPIServer(p ports, audit bool) error {
	at := c.paths.at
	args := []string{
		"apiserver",
		"--etcd-servers=http://" + loopback(p.etcd),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.apiserver),
		"--tls-cert-file=" + at("pki", "server.crt"),
		"--tls-private-key-file=" + at("pki", "server.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + at("pki", "service-account.key"),
		"--service-account-signing-key-file=" + at("pki", "service-account.key"),
		"--service-cluster-ip-range=10.0.0.0/16,fd00:10::/108",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + at("pki", "tokens.csv"),
		// No endpoints are published for the Service kubernetes: nothing runs in this cluster that could use them.
		"--endpoint-reconciler-type=none",
		// Pods need no service account object and no token volume.
		"--disable-admission-plugins=ServiceAccount",
		"--allow-privileged=true",
		// Host names of nodes do not resolve here.
		"--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
	}
	if audit {
		if err := os.WriteFile(at("audit-policy.yaml"), auditPolicy, 0o600); err != nil {
			return err
		}
		args = append(args, "--audit-policy-file="+at("audit-policy.yaml"), "--audit-log-path="+at("audit.log"))
	}
	env := []string{
		"ETCD_DIR=" + at("etcd"),
		"ETCD_URL=http://" + loopback(p.etcd),
		"ETCD_PEER_URL=http://" + loopback(p.etcdPeer),
	}
	return c.start("apiserver", "control-plane", env, args...)
}

func (c *children) startControllerManager(p ports) error {
	return c.start("controller-manager", "control-plane", nil,
		"controller-manager",
		"--kubeconfig="+c.paths.kubeconfig("controller-manager"),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.controllerManager),
		"--cert-dir="+c.paths.at("pki", "controller-manager"),
		"--controllers=deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller,"+
			"job-controller,cronjob-controller,endpointslice-controller,node-lifecycle-controller,namespace-controller,"+
			"garbage-collector-controller,persistentvolume-binder-controller",
	)
}

func (c *children) startScheduler(p ports) error {
	return c.start("scheduler", "control-plane", nil,
		"scheduler",
		"--kubeconfig="+c.paths.kubeconfig("scheduler"),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.scheduler),
		"--cert-dir="+c.paths.at("pki", "scheduler"),
	)
}

// startKwok plays the nodes and moves pods through their lives. The kubelets' log endpoint is not kwok's but ours (package
// kubelet), so the nodes name our port.
func (c *children) startKwok(p ports, kubeletPort int) error {
	config := c.paths.at("kwok.yaml")
	if err := os.WriteFile(config, stages, 0o600); err != nil {
		return err
	}
	return c.start("kwok", "kwok", []string{"HOME=" + c.paths.dir},
		"--kubeconfig="+c.paths.kubeconfig("kwok"),
		"--config="+config,
		"--manage-nodes-with-annotation-selector="+managedNode,
		"--node-ip=127.0.0.1",
		fmt.Sprintf("--node-port=%d", kubeletPort),
		"--server-address="+loopback(p.kwok),
		"--cidr=10.244.0.0/16",
		// Without a lease the controller manager takes the nodes for lost after 40 s.
		"--node-lease-duration-seconds=40",
	)
}
