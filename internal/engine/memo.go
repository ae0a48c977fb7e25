package engine

import (
	"sync"
	"time"
)

// memo remembers answers for a while; errors are not remembered.
type memo[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]remembered[V]
}

type remembered[V any] struct {
	value V
	read  time.Time
}

// get returns an answer that is at most maxAge old, and asks otherwise. Callers that come at once may ask twice.
func (m *memo[K, V]) get(key K, maxAge time.Duration, ask func() (V, error)) (V, error) {
	m.mu.Lock()
	old, ok := m.known[key]
	m.mu.Unlock()
	if ok && time.Since(old.read) < maxAge {
		return old.value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[K]remembered[V]{}
	}
	m.known[key] = remembered[V]{value: value, read: time.Now()}
	return value, nil
}

// forget drops every answer.
func (m *memo[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = nil
}
