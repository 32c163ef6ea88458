// Command cluster starts a real Kubernetes control plane for the tests, puts the broken shop or many pods into it, and
// records what it answers.
//
//	cluster up     --dir DIR [--nodes N] [--audit]        runs until SIGTERM, SIGINT or the end of a piped stdin
//	cluster shop   --dir DIR --fixtures tests/fixtures/shop
//	cluster seed   --dir DIR --pods 10000
//	cluster copies --dir DIR --resource deployments --group apps
//	cluster log    --dir DIR --lines 2500000
//	cluster record --dir DIR --out tests/fixtures/recorded
//
// It expects `control-plane`, `kwok` and `kubectl` beside itself, which is where tests/tools/setup.sh puts them; kubectl may
// come from PATH instead. README.md says what each command writes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"gumshoe.test/cluster/internal/launch"
	"gumshoe.test/cluster/internal/record"
	"gumshoe.test/cluster/internal/seed"
	"gumshoe.test/cluster/internal/shop"
)

// The kernel kills a child when the *thread* that started it ends (Pdeathsig), so every child is started from the main
// goroutine, and that stays on the main thread.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("name a command: up, shop, seed, copies, log or record")
	}
	flags := flag.NewFlagSet("cluster "+args[0], flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the running cluster: its kubeconfig, logs and data (required)")
	var act func() error

	switch args[0] {
	case "up":
		nodes := flags.Int("nodes", 3, "number of nodes that kwok plays")
		audit := flags.Bool("audit", false, "write DIR/audit.log (level Metadata)")
		act = func() error { return launch.Run(ctx, launch.Options{Dir: *dir, Nodes: *nodes, Audit: *audit}) }
	case "shop":
		fixtures := flags.String("fixtures", "tests/fixtures/shop", "directory of the broken shop")
		act = func() error { return shop.Apply(ctx, *dir, *fixtures) }
	case "seed":
		options := seed.Options{}
		flags.StringVar(&options.Namespace, "namespace", "bench", "first part of the names of the ten namespaces that the pods go to")
		flags.IntVar(&options.Pods, "pods", 10_000, "number of pods, with status")
		flags.IntVar(&options.Workers, "workers", 16, "number of requests under way at a time")
		act = func() error { return seed.Pods(ctx, *dir, options) }
	case "copies":
		options := seed.CopyOptions{}
		flags.StringVar(&options.Group, "group", "", "API group of the kind; empty for the core")
		flags.StringVar(&options.Version, "version", "v1", "version of the group")
		flags.StringVar(&options.Resource, "resource", "", "plural of the kind: deployments")
		flags.StringVar(&options.Namespace, "namespace", "bench-kinds", "namespace of the copies")
		flags.IntVar(&options.Objects, "objects", 1_000, "number of copies")
		act = func() error { return seed.Copies(ctx, *dir, options) }
	case "log":
		options := seed.LogOptions{}
		flags.StringVar(&options.Namespace, "namespace", "bench-log", "namespace of the pod")
		flags.StringVar(&options.Pod, "pod", "chatty", "name of the pod")
		flags.StringVar(&options.Container, "container", "app", "name of its container")
		flags.IntVar(&options.Pods, "pods", 1, "number of pods; the names of several end in -00, -01, …")
		flags.IntVar(&options.Lines, "lines", 2_500_000, "number of log lines of each (289 MB for the default)")
		act = func() error { return seed.Log(ctx, *dir, options) }
	case "record":
		out := flags.String("out", "tests/fixtures/recorded", "directory to write the recording to")
		act = func() error { return record.Run(ctx, *dir, *out) }
	default:
		return fmt.Errorf("unknown command %q: up, shop, seed, copies, log or record", args[0])
	}

	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *dir == "" {
		return fmt.Errorf("%s: --dir is required", args[0])
	}
	return act()
}
