package launch

import (
	"fmt"
	"net"
)

// ports are on 127.0.0.1 and picked by the system.
type ports struct {
	apiserver, etcd, etcdPeer, controllerManager, scheduler, kwok int
}

// pickPorts asks the system for free ports. All are held at once, so that they differ, and let go before the children
// start, since none of them can be handed a listening socket; a port that is lost in between ends the start with the child's
// own words.
func pickPorts() (ports, error) {
	var picked ports
	for _, port := range []*int{
		&picked.apiserver, &picked.etcd, &picked.etcdPeer, &picked.controllerManager, &picked.scheduler, &picked.kwok,
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, fmt.Errorf("pick a port: %w", err)
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return picked, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
