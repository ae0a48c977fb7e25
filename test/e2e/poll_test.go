package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// try is one question and how it ended.
type try struct {
	begin, end time.Time
	err        error
}

// poll asks again and again until it is stopped.
type poll struct {
	stop func()

	mu    sync.Mutex
	tries []try
}

// startPoll asks at intervals, and waits for each answer at most for the patience. It ends with the test at the latest.
func startPoll(t *testing.T, interval, patience time.Duration, ask func(context.Context) error) *poll {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &poll{}
	var running sync.WaitGroup
	running.Go(func() {
		for tick := time.NewTicker(interval); ctx.Err() == nil; {
			p.once(ctx, patience, ask)
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
			}
		}
	})
	p.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(p.stop)
	return p
}

func (p *poll) once(ctx context.Context, patience time.Duration, ask func(context.Context) error) {
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := ask(limited)
	if ctx.Err() != nil {
		return // it was stopped, and has not failed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries = append(p.tries, try{begin: begin, end: time.Now(), err: err})
}

func (p *poll) all() []try {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tries)
}

// steady says whether all questions were answered for a while.
func (p *poll) steady(since time.Time, while time.Duration) bool {
	answered := since
	for _, q := range p.all() {
		if q.err != nil && q.end.After(answered) {
			answered = q.end
		}
	}
	return time.Since(answered) >= while
}

// failures are those that failed.
func (p *poll) failures() (failed []error) {
	for _, q := range p.all() {
		if q.err != nil {
			failed = append(failed, fmt.Errorf("%s, after %.1f s: %w", q.begin.Format(time.TimeOnly), q.end.Sub(q.begin).Seconds(), q.err))
		}
	}
	return failed
}

// gap is the longest time between two answers since the moment.
func (p *poll) gap(moment time.Time) (longest time.Duration) {
	last := moment
	for _, q := range p.all() {
		if q.err == nil && q.end.After(moment) {
			longest, last = max(longest, q.end.Sub(last)), q.end
		}
	}
	return longest
}

// connects asks whether anybody takes connections at the cluster's endpoint.
func (w *world) connects(s site) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := w.dial(ctx, s.endpoint())
		if err == nil {
			_ = connection.Close()
		}
		return err
	}
}

// reads asks the API at the cluster's endpoint for what it must read from etcd, with a new connection each time.
func (w *world) reads(s site) func(context.Context) error {
	w.t.Helper()
	c, _ := w.own(s, true)
	return func(ctx context.Context) error {
		_, err := c.CoreV1().ConfigMaps("kube-system").Get(ctx, "kubeadm-config", metav1.GetOptions{})
		return err
	}
}

// own is a client whose connections no other client uses, and what it keeps them in; or one that makes a new one for each request.
func (w *world) own(s site, anew bool) (kubernetes.Interface, *http.Transport) {
	w.t.Helper()
	access := w.access(s)
	access.Timeout = 0 // whoever asks limits it
	security, err := rest.TLSConfigFor(access)
	require.NoError(w.t, err)
	transport := &http.Transport{TLSClientConfig: security, Proxy: access.Proxy, DisableKeepAlives: anew}
	c, err := kubernetes.NewForConfigAndClient(access, &http.Client{Transport: transport})
	require.NoError(w.t, err)
	return c, transport
}
