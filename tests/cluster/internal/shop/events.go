package shop

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// noteLimit is where the reporter of new-style events cuts its note, in bytes and so at times in the middle of a letter.
const noteLimit = 1024

// event is one entry of a file in events/.
type event struct {
	corev1.Event
	// Created is the time of creation, where the event has no other time.
	Created *metav1.Time `json:"created"`
}

// createEvents creates the events that kubelets and monitors would have sent, and sets their creation to their first time.
func (s *shop) createEvents(ctx context.Context) error {
	events, err := read[event](ctx, s, "events")
	if err != nil {
		return err
	}
	created := map[string]time.Time{}
	for i := range events {
		entry := &events[i]
		if err := s.identify(ctx, &entry.Event); err != nil {
			return fmt.Errorf("event %s of %s: %w", entry.Reason, entry.InvolvedObject.Name, err)
		}
		if !entry.EventTime.IsZero() && len(entry.Message) > noteLimit {
			entry.Message = entry.Message[:noteLimit]
		}
		_, err := s.Client.CoreV1().Events(entry.Namespace).Create(ctx, &entry.Event, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("event %s of %s: %w", entry.Reason, entry.InvolvedObject.Name, err)
		}
		created["/registry/events/"+entry.Namespace+"/"+entry.Name] = entry.firstTime()
	}
	return s.setCreation(ctx, created)
}

// identify adds the name, which is the same in every run for the same object, and the uid of the object.
func (s *shop) identify(ctx context.Context, entry *corev1.Event) error {
	object := &entry.InvolvedObject
	object.APIVersion = "v1"
	var found metav1.Object
	var err error
	switch object.Kind {
	case "Pod":
		found, err = s.Client.CoreV1().Pods(object.Namespace).Get(ctx, object.Name, metav1.GetOptions{})
	case "ConfigMap":
		found, err = s.Client.CoreV1().ConfigMaps(object.Namespace).Get(ctx, object.Name, metav1.GetOptions{})
	case "Node":
		found, err = s.Client.CoreV1().Nodes().Get(ctx, object.Name, metav1.GetOptions{})
	default:
		err = fmt.Errorf("kind %q is not provided for", object.Kind)
	}
	if err != nil {
		return err
	}
	if object.UID == "" {
		object.UID = found.GetUID()
	}
	entry.Namespace = object.Namespace
	if entry.Namespace == "" {
		entry.Namespace = metav1.NamespaceDefault
	}
	sum := sha256.Sum256([]byte(entry.Reason + "/" + entry.Source.Component + "/" + string(object.UID)))
	entry.Name = fmt.Sprintf("%s.%x", object.Name, sum[:8])
	return nil
}

func (e *event) firstTime() time.Time {
	switch {
	case e.Created != nil:
		return e.Created.Time
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	default:
		return e.EventTime.Time
	}
}
