package launch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"gumshoe.test/cluster/internal/await"
	"gumshoe.test/cluster/internal/kubelet"
)

// startTimeout bounds each step of the start. A step takes some seconds on an idle machine; two cores that compile
// something else beside it need many times that.
const startTimeout = 3 * time.Minute

// Run starts the cluster, says `ready DIR` on stdout when it is, and stops it when the context ends, when stdin is a pipe
// that is closed, or when a part of it ends by itself, which is an error.
func Run(ctx context.Context, options Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cancelAtEndOfStdin(cancel)

	p, err := prepare(options.Dir)
	if err != nil {
		return err
	}
	c := &children{paths: p, failed: make(chan error, 1)}
	defer c.stop()

	// Everything that starts a process stays on this goroutine (Pdeathsig); its waits end early when a child does.
	waits, stopWaiting := context.WithCancelCause(ctx)
	defer stopWaiting(nil)
	go func() {
		select {
		case err := <-c.failed:
			stopWaiting(err)
		case <-ctx.Done():
		}
	}()
	if err := start(waits, c, options); err != nil {
		switch {
		case ctx.Err() != nil:
			return nil // told to stop while it started
		case context.Cause(waits) != nil:
			return context.Cause(waits)
		default:
			return err
		}
	}
	fmt.Println("ready", p.dir)

	<-waits.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(waits)
}

func start(ctx context.Context, c *children, options Options) error {
	picked, err := pickPorts()
	if err != nil {
		return err
	}
	if err := makePKI(c.paths); err != nil {
		return err
	}
	server := "https://" + loopback(picked.apiserver)
	if err := writeIdentities(c.paths, server); err != nil {
		return err
	}
	if err := c.startAPIServer(picked, options.Audit); err != nil {
		return err
	}

	client, trusting, err := clients(c.paths)
	if err != nil {
		return err
	}
	if err := await.Until(ctx, startTimeout, "the API server", answersOK(trusting, server+"/readyz")); err != nil {
		return err
	}
	kubelets, err := kubelet.Serve(ctx, client, c.paths.at("logs"), c.paths.at("pki", "server.crt"), c.paths.at("pki", "server.key"))
	if err != nil {
		return err
	}
	if err := c.startControllerManager(picked); err != nil {
		return err
	}
	if err := c.startScheduler(picked); err != nil {
		return err
	}
	if err := c.startKwok(picked, kubelets.Port); err != nil {
		return err
	}

	names := nodeNames(options.Nodes)
	if err := createNodes(ctx, client, names); err != nil {
		return err
	}
	for _, wait := range []struct {
		what      string
		condition func(context.Context) error
	}{
		{"the controller manager", answersOK(anyServer(), "https://"+loopback(picked.controllerManager)+"/healthz")},
		{"the scheduler", answersOK(anyServer(), "https://"+loopback(picked.scheduler)+"/readyz")},
		{"kwok", answersOK(trusting, "http://"+loopback(picked.kwok)+"/healthz")},
		{"the nodes", nodesReady(client, names)},
	} {
		if err := await.Until(ctx, startTimeout, wait.what, wait.condition); err != nil {
			return err
		}
	}
	return writeEnv(c.paths, picked, server)
}

// clients gives a Kubernetes client as admin, and an HTTP client that trusts the cluster's CA.
func clients(p paths) (kubernetes.Interface, *http.Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig("admin"))
	if err != nil {
		return nil, nil, err
	}
	// The kubelets ask for a pod at every log: no throttling.
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.CAData)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return client, &http.Client{Transport: transport, Timeout: 5 * time.Second}, nil
}

// anyServer trusts whoever answers: the controller manager and the scheduler make up a certificate at their start, and
// nothing is told to them but "are you well".
func anyServer() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}
}

// writeEnv writes what other programs need, as lines that a shell can read. It comes last: where it exists, the cluster was
// ready.
func writeEnv(p paths, picked ports, server string) error {
	lines := []string{
		"KUBECONFIG=" + p.kubeconfig("admin"),
		"CLUSTER_SERVER=" + server,
		"CLUSTER_CA=" + p.at("pki", "ca.crt"),
		"CLUSTER_TOKEN_FILE=" + p.at("admin.token"),
		"CLUSTER_AUDIT_LOG=" + p.at("audit.log"),
		"CLUSTER_LOGS=" + p.at("logs"),
		"CLUSTER_ETCD=http://" + loopback(picked.etcd),
		fmt.Sprintf("CLUSTER_PID=%d", os.Getpid()),
	}
	return os.WriteFile(p.at("env"), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// cancelAtEndOfStdin ends the cluster with the program that started it, also where that was killed. Only a pipe counts: a
// terminal or /dev/null says nothing about the parent.
func cancelAtEndOfStdin(cancel context.CancelFunc) {
	info, err := os.Stdin.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
}
