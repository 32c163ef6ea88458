package launch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// children are the processes of this cluster. The first one that ends by itself is reported on failed.
type children struct {
	paths   paths
	failed  chan error
	mutex   sync.Mutex
	stopped bool
	running []*exec.Cmd
	joined  sync.WaitGroup
}

// start runs a program of the directory that this program is in, with its output in DIR/log/<name>.log. The child dies with
// this process, however that ends.
func (c *children) start(name, program string, env []string, args ...string) error {
	binary, err := beside(program)
	if err != nil {
		return err
	}
	path := c.paths.at("log", name+".log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()

	command := exec.Command(binary, args...)
	command.Env = append(os.Environ(), env...)
	command.Dir = c.paths.dir
	command.Stdout, command.Stderr = log, log
	// Its own process group: a Ctrl-C in the terminal reaches this process alone, which then stops the children in order.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}

	c.mutex.Lock()
	c.running = append(c.running, command)
	c.mutex.Unlock()
	c.joined.Go(func() {
		err := command.Wait()
		c.mutex.Lock()
		stopped := c.stopped
		c.mutex.Unlock()
		if !stopped {
			select {
			case c.failed <- fmt.Errorf("%s ended: %v; the end of its log:\n%s", name, err, tail(path)):
			default:
			}
		}
	})
	return nil
}

// stop kills every child and waits for it. There is nothing to save: the data of a test cluster ends with it.
func (c *children) stop() {
	c.mutex.Lock()
	c.stopped = true
	for _, command := range c.running {
		_ = command.Process.Kill() // it may have ended already
	}
	c.mutex.Unlock()
	c.joined.Wait()
}

// beside finds a program in the directory of this program.
func beside(program string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), program)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not beside %s: run tests/tools/setup.sh", program, filepath.Base(self))
	}
	return path, nil
}

// tailBytes is enough for the last few lines of a klog file, which is where the reason stands.
const tailBytes = 2000

func tail(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	if len(content) > tailBytes {
		content = content[len(content)-tailBytes:]
	}
	return bytes.TrimSpace(content)
}
