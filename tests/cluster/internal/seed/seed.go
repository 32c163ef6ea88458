// Package seed fills a cluster for the bench.
package seed

import "context"

type Options struct {
	Namespace     string
	Pods, Workers int
}
type LogOptions struct {
	Namespace, Pod, Container string
	Lines                     int
}

func Pods(ctx context.Context, dir string, o Options) error   { return nil }
func Log(ctx context.Context, dir string, o LogOptions) error { return nil }
