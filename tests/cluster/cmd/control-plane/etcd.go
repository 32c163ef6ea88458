package main

import (
	"fmt"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdReadyTimeout bounds the start of etcd, which takes well under a second on an idle machine.
const etcdReadyTimeout = 60 * time.Second

// startEtcd runs etcd inside this process, in the directory and at the client address that the environment names
// (ETCD_DIR and ETCD_URL: the command line belongs to the API server). ETCD_PEER_URL is the address for the other members,
// of which there are none, but etcd insists on listening there.
func startEtcd() (stop func(), err error) {
	client, err := urlFrom("ETCD_URL")
	if err != nil {
		return nil, err
	}
	peer, err := urlFrom("ETCD_PEER_URL")
	if err != nil {
		return nil, err
	}

	config := embed.NewConfig()
	config.Dir = os.Getenv("ETCD_DIR")
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "error"
	// The data of a test need not survive a power cut; without fsync every write is many times as fast.
	config.UnsafeNoFsync = true
	// 10,000 pods with their history stay well below this; etcd's default of 2 GiB would do too.
	config.QuotaBackendBytes = 4 << 30

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd.Close, nil
	case err := <-etcd.Err():
		return nil, fmt.Errorf("etcd stopped while it started: %w", err)
	case <-time.After(etcdReadyTimeout):
		etcd.Close()
		return nil, fmt.Errorf("etcd was not ready after %s", etcdReadyTimeout)
	}
}

func urlFrom(variable string) (*url.URL, error) {
	address, err := url.Parse(os.Getenv(variable))
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("environment variable %s must be a URL, is %q", variable, os.Getenv(variable))
	}
	return address, nil
}
