package shop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"gumshoe.test/cluster/internal/kubelet"
)

// chunk is how much of a line containerd writes at a time.
const chunk = 16 << 10

// writeLogs puts the logs of a pod's containers where its kubelet looks for them. The keys are `container/run`, the values
// files in logs/, or `gone` for a container that the runtime has forgotten.
func (s *shop) writeLogs(pod *corev1.Pod, files map[string]string) error {
	for key, file := range files {
		container, number, _ := strings.Cut(key, "/")
		run, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return fmt.Errorf("logs: %q is not container/run", key)
		}
		path := kubelet.Path(s.Logs, pod.Namespace, pod.Name, container, int32(run))
		var content []byte
		if file == "gone" {
			path = strings.TrimSuffix(path, "log") + "gone"
		} else if content, err = s.log(file); err != nil {
			return fmt.Errorf("logs/%s: %w", file, err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// log turns a file of logs/ (its README.md has the format) into the format of the container runtimes.
func (s *shop) log(file string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(s.fixtures, "logs", file))
	if err != nil {
		return nil, err
	}
	now, zone := time.Now(), time.UTC
	var out bytes.Buffer
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if offset, ok := strings.CutPrefix(line, "# zone: "); ok {
			at, err := time.Parse("-07:00", offset)
			if err != nil {
				return nil, err
			}
			_, seconds := at.Zone()
			zone = time.FixedZone(offset, seconds)
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, " ", 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("line %q is not `<how long ago> <stream> <text>`", line)
		}
		ago, err := parseAgo(parts[0])
		if err != nil {
			return nil, err
		}
		text, err := expand(parts[2])
		if err != nil {
			return nil, err
		}
		writeCRI(&out, now.Add(-ago).In(zone), parts[1], text)
	}
	return out.Bytes(), nil
}

// parseAgo takes a bare number as seconds.
func parseAgo(text string) (time.Duration, error) {
	if strings.Trim(text, "0123456789.") == "" {
		text += "s"
	}
	return time.ParseDuration(text)
}

// writeCRI writes one line, in as many chunks as it takes.
func writeCRI(out *bytes.Buffer, at time.Time, stream string, text []byte) {
	for {
		tag, part := "F", text
		if len(text) > chunk {
			tag, part = "P", text[:chunk]
		}
		fmt.Fprintf(out, "%s %s %s %s\n", at.Format(time.RFC3339Nano), stream, tag, part)
		if tag == "F" {
			return
		}
		text, at = text[chunk:], at.Add(time.Microsecond)
	}
}

// expand replaces the escapes and {{repeat n "text"}}.
func expand(text string) ([]byte, error) {
	for {
		before, rest, found := strings.Cut(text, `{{repeat `)
		if !found {
			before, rest, found = strings.Cut(text, `{{ repeat `)
		}
		if !found {
			break
		}
		call, after, _ := strings.Cut(rest, "}}")
		number, quoted, _ := strings.Cut(strings.TrimSpace(call), " ")
		count, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		repeated, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("repeat %s: %w", quoted, err)
		}
		text = before + strings.Repeat(repeated, count) + after
	}
	text = strings.ReplaceAll(text, `\e`, `\x1b`)
	unquoted, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		return nil, fmt.Errorf("escapes of %q: %w", text, err)
	}
	return []byte(unquoted), nil
}
