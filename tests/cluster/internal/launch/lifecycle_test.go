package launch

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gumshoe.test/cluster/internal/await"
)

// started is a cluster that this test has started with the installed program, as the tests of Gumshoe do.
type started struct {
	dir    string
	stdin  io.WriteCloser
	stderr *bytes.Buffer
	*exec.Cmd
}

func up(t *testing.T) *started {
	t.Helper()
	program, err := filepath.Abs("../../../../.tools/bin/cluster")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the cluster is not installed: run tests/tools/setup.sh")
		}
		t.Skip("SKIPPED: the cluster is not installed: run tests/tools/setup.sh")
	}
	s := &started{dir: filepath.Join(t.TempDir(), "cluster"), stderr: &bytes.Buffer{}}
	s.Cmd = exec.Command(program, "up", "--dir", s.dir, "--nodes", "1")
	s.Cmd.Stderr = s.stderr
	s.stdin, err = s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("said %q (%v): %s", line, err, s.stderr)
	}
	return s
}

// children are the processes whose command line names the cluster's directory.
func (s *started) children() (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		pid := filepath.Base(filepath.Dir(file))
		if err == nil && bytes.Contains(line, []byte(s.dir)) && pid != fmt.Sprint(s.Process.Pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *started) awaitNoChildren(t *testing.T) {
	t.Helper()
	err := await.Until(context.Background(), 30*time.Second, "the end of the children", func(context.Context) error {
		if left := s.children(); len(left) > 0 {
			return fmt.Errorf("still there: %v", left)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheClusterEndsWithItsStdin(t *testing.T) {
	s := up(t)
	if len(s.children()) != 4 {
		t.Fatalf("children are %v, expected 4", s.children())
	}
	if err := s.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatalf("ended with %v: %s", err, s.stderr)
	}
	s.awaitNoChildren(t)
}

func TestAKilledLauncherTakesItsChildrenAlong(t *testing.T) {
	s := up(t)
	if err := s.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = s.Wait()
	s.awaitNoChildren(t)
}

func TestAPartThatEndsEndsTheClusterWithItsLog(t *testing.T) {
	s, second := up(t), up(t)
	for _, pid := range s.children() {
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		if bytes.Contains(line, []byte("\x00scheduler\x00")) {
			var number int
			_, _ = fmt.Sscan(pid, &number)
			if err := syscall.Kill(number, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Wait(); err == nil {
		t.Fatal("ended without an error")
	}
	if !strings.Contains(s.stderr.String(), "scheduler ended: signal: killed") {
		t.Errorf("said %s", s.stderr)
	}
	s.awaitNoChildren(t)
	if len(second.children()) != 4 {
		t.Errorf("the other cluster has the children %v, expected 4", second.children())
	}
}
