package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"gumshoe.test/cluster/internal/await"
)

// expectedEvent is one entry of expected/events.yaml: an event that the real parts send by themselves.
type expectedEvent struct {
	Namespace string `json:"namespace"`
	Reason    string `json:"reason"`
}

// awaitExpected waits until the API server's own table shows every entry's state, and every expected event is there.
func (s *shop) awaitExpected(ctx context.Context) error {
	events, err := read[expectedEvent](ctx, s, "expected")
	if err != nil {
		return err
	}
	return await.Until(ctx, settleTimeout, "the shop's expected state", func(ctx context.Context) error {
		rows, err := s.table(ctx)
		if err != nil {
			return err
		}
		for _, entry := range s.expected {
			found, err := find(rows, entry)
			if err != nil {
				return err
			}
			if found.shows != entry.Expect {
				return fmt.Errorf("pod %s/%s shows %+v, expected is %+v", entry.Namespace, found.name, found.shows, entry.Expect)
			}
		}
		for _, event := range events {
			options := metav1.ListOptions{FieldSelector: "reason=" + event.Reason}
			list, err := s.Client.CoreV1().Events(event.Namespace).List(ctx, options)
			if err != nil {
				return err
			}
			if len(list.Items) == 0 {
				return fmt.Errorf("no event %s in %s", event.Reason, event.Namespace)
			}
		}
		return nil
	})
}

// row is a pod as the table shows it.
type row struct {
	namespace, name string
	labels          labels.Set
	shows           expectation
}

// find picks the entry's row. The table comes in order of namespaces and names.
func find(rows []row, entry given) (*row, error) {
	selector, err := labels.Parse(entry.Selector)
	if err != nil {
		return nil, err
	}
	left := entry.Index
	for i := range rows {
		if rows[i].namespace != entry.Namespace || !selector.Matches(rows[i].labels) {
			continue
		}
		if left == 0 {
			return &rows[i], nil
		}
		left--
	}
	return nil, fmt.Errorf("no pod number %d matches %s in %s", entry.Index+1, entry.Selector, entry.Namespace)
}

// table asks the server for what kubectl prints.
func (s *shop) table(ctx context.Context) ([]row, error) {
	body, err := s.Client.CoreV1().RESTClient().Get().Resource("pods").
		SetHeader("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(table.Rows))
	for _, line := range table.Rows {
		var object metav1.PartialObjectMetadata
		if err := json.Unmarshal(line.Object.Raw, &object); err != nil {
			return nil, err
		}
		// The columns are Name, Ready, Status, Restarts, Age, …; Restarts is `7` or `7 (2m ago)`.
		number, _, _ := strings.Cut(fmt.Sprint(line.Cells[3]), " ")
		restarts, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		shows := expectation{Ready: fmt.Sprint(line.Cells[1]), Status: fmt.Sprint(line.Cells[2]), Restarts: restarts}
		rows = append(rows, row{object.Namespace, object.Name, object.Labels, shows})
	}
	return rows, nil
}
