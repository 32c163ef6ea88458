// Package kubelet answers the one question that the API server passes on to kubelets in these tests: the logs of a container.
//
// kwok could do it too, but it neither knows which run of a container a log belongs to nor says what a kubelet says about a
// container that has not started. Here the rules are the kubelet's (server.go and kubelet_pods.go of Kubernetes 1.36), and so
// is the reader of the files (k8s.io/cri-client). The files lie as on a node, one a run, in the format of the container
// runtimes:
//
//	<logs>/<namespace>/<pod>/<container>/<run>.log
//
// where run is the container's restart count at that time. A run without a file has printed nothing. Where <run>.gone lies
// instead, the runtime has forgotten the container.
package kubelet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/util/flushwriter"
	"k8s.io/client-go/kubernetes"
)

// Server is one log endpoint for the kubelets of all nodes.
type Server struct {
	// Port is on 127.0.0.1, picked by the system.
	Port int

	client kubernetes.Interface
	logs   string
}

// Serve listens until the context ends.
func Serve(ctx context.Context, client kubernetes.Interface, logs, certificate, key string) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the kubelets: %w", err)
	}
	s := &Server{Port: listener.Addr().(*net.TCPAddr).Port, client: client, logs: logs}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.containerLogs)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		// HTTP/1.1 alone, as in kwok: the kubelet's reader flushes every line, which costs three times as much in frames of
		// HTTP/2, and a long log is slow enough.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() {
		if err := server.ServeTLS(listener, certificate, key); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("the kubelets' log endpoint ended:", err)
		}
	}()
	return s, nil
}

func (s *Server) containerLogs(response http.ResponseWriter, request *http.Request) {
	namespace, name, container := request.PathValue("namespace"), request.PathValue("pod"), request.PathValue("container")
	options, err := parse(request.URL.Query())
	if err != nil {
		refuse(response, `{"message": "Unable to decode query."}`, http.StatusBadRequest)
		return
	}
	pod, err := s.client.CoreV1().Pods(namespace).Get(request.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		refuse(response, fmt.Sprintf("pod %q does not exist", name), http.StatusNotFound)
		return
	}
	if err != nil {
		refuse(response, err.Error(), http.StatusInternalServerError)
		return
	}
	run, id, err := whichRun(pod, container, options.Previous)
	if err != nil {
		refuse(response, err.Error(), http.StatusBadRequest)
		return
	}

	// The kubelet writes nothing, and thereby its 200, before it turns to the runtime: what goes wrong after that stands
	// inside the body of a 200 (kubernetes#142258).
	out := flushwriter.Wrap(response)
	_, _ = out.Write(nil)
	if err := s.read(request.Context(), pod, container, run, id, options, out); err != nil {
		_, _ = out.Write([]byte(err.Error()))
	}
}

// refuse answers as go-restful does for the kubelet: the bare text. (http.Error would add a line's end.)
func refuse(response http.ResponseWriter, message string, code int) {
	response.WriteHeader(code)
	_, _ = io.WriteString(response, message)
}
