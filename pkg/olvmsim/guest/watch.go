package guest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	watchBuffer       = 500             // events
	watchWriteTimeout = 2 * time.Second // for one write to a client
	watchTimeout      = 5 * time.Minute // unless the client asks for another
)

// watcher receives the events of one kind from the store, which calls it with its lock held: it must never block.
// A client that is too slow loses its watch, as with a real API server.
type watcher struct {
	group    string
	match    func(*unstructured.Unstructured) bool
	events   chan watchEvent
	overflow context.CancelFunc
}

type watchEvent struct {
	kind    watch.EventType
	object  *unstructured.Unstructured
	version uint64
}

func (w *watcher) OnCreate(group string, o client.Object) { w.send(group, watch.Added, o) }

// OnUpdate turns a change into what it means for the watch's selector. An object that was marked for deletion is
// gone with its last finalizer.
func (w *watcher) OnUpdate(group string, before, after client.Object) {
	if group != w.group {
		return
	}
	if after.GetDeletionTimestamp() != nil && len(after.GetFinalizers()) == 0 {
		w.send(group, watch.Deleted, after)
		return
	}
	was, is := w.matches(before), w.matches(after)
	switch {
	case was && is:
		w.send(group, watch.Modified, after)
	case is:
		w.send(group, watch.Added, after)
	case was:
		w.push(watch.Deleted, after)
	}
}

// OnDelete comes when the object is marked for deletion.
func (w *watcher) OnDelete(group string, o client.Object) {
	if len(o.GetFinalizers()) > 0 {
		w.send(group, watch.Modified, o)
		return
	}
	w.send(group, watch.Deleted, o)
}

func (w *watcher) OnGeneric(string, client.Object) {}

func (w *watcher) matches(o client.Object) bool {
	u, err := toUnstructured(o)
	return err == nil && w.match(u)
}

func (w *watcher) send(group string, kind watch.EventType, o client.Object) {
	if group == w.group && w.matches(o) {
		w.push(kind, o)
	}
}

func (w *watcher) push(kind watch.EventType, o client.Object) {
	u, err := toUnstructured(o)
	if err != nil {
		w.overflow()
		return
	}
	select {
	case w.events <- watchEvent{kind, u, parseVersion(u.GetResourceVersion())}:
	default:
		w.overflow()
	}
}

// toUnstructured copies: the store's objects must not be read once its lock is released.
func toUnstructured(o client.Object) (*unstructured.Unstructured, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u.DeepCopy(), nil
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	return &unstructured.Unstructured{Object: m}, err
}

func parseVersion(s string) uint64 {
	v, _ := strconv.ParseUint(s, 10, 64)
	return v
}

// watch streams the events of one kind until the client goes, its time is over or it reads too slowly.
func (c *call) watch(w http.ResponseWriter) {
	query := c.r.URL.Query()
	timeout := watchTimeout
	if s, err := strconv.Atoi(query.Get("timeoutSeconds")); err == nil && s > 0 {
		timeout = time.Duration(s) * time.Second
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), timeout)
	defer cancel()
	match, err := c.selector()
	if err != nil {
		writeError(w, err)
		return
	}
	informer, err := c.platform.manager.GetCache().GetInformerForKind(ctx, c.kind.gvk)
	if err != nil {
		writeError(w, err)
		return
	}
	events := &watcher{group: c.group, match: match, events: make(chan watchEvent, watchBuffer), overflow: cancel}
	_ = informer.AddEventHandler(events)
	defer func() { _ = informer.RemoveEventHandler(events) }()
	list, err := c.list(ctx)
	if err != nil {
		writeError(w, err)
		return
	}
	from := parseVersion(query.Get("resourceVersion"))
	all := query.Get("sendInitialEvents") == "true"
	if from > 0 && !all && c.deletions.since(c.kind.gvk, from) {
		// Nobody can tell this client any more which objects are gone: it has to list again.
		writeError(w, apierrors.NewResourceExpired("too old resource version: "+query.Get("resourceVersion")))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	out := &stream{w: w, rc: http.NewResponseController(w), view: c.view}
	if !out.initial(list, from, all) {
		return
	}
	seen := parseVersion(list.GetResourceVersion())
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events.events:
			if e.version > seen && !out.write(e.kind, e.object) {
				return
			}
		}
	}
}

// stream writes watch events. Each write has a deadline, so that a client that stopped reading does not hold the
// request for ever.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	view view
}

// initial writes the objects that are newer than the client's version, or all of them and the bookmark that ends
// them when the client asks for the list in the watch itself.
func (s *stream) initial(list *unstructured.UnstructuredList, from uint64, all bool) bool {
	for i := range list.Items {
		if all || parseVersion(list.Items[i].GetResourceVersion()) > from {
			if !s.write(watch.Added, &list.Items[i]) {
				return false
			}
		}
	}
	if !all {
		return s.rc.Flush() == nil
	}
	mark := &unstructured.Unstructured{}
	mark.SetAPIVersion(list.GetAPIVersion())
	mark.SetKind(list.GetKind()[:len(list.GetKind())-len("List")])
	mark.SetResourceVersion(list.GetResourceVersion())
	mark.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return s.write(watch.Bookmark, mark)
}

func (s *stream) write(kind watch.EventType, o *unstructured.Unstructured) bool {
	var body any = o
	if kind != watch.Bookmark {
		body = s.view(o)
	}
	line, err := json.Marshal(map[string]any{"type": kind, "object": body})
	if err != nil {
		return false
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(watchWriteTimeout))
	if _, err := s.w.Write(append(line, '\n')); err != nil {
		return false
	}
	if s.rc.Flush() != nil {
		return false
	}
	// An HTTP/2 stream dies when its deadline passes, even an idle one.
	return s.rc.SetWriteDeadline(time.Time{}) == nil
}
