package engine

import (
	crand "crypto/rand"
	"encoding/binary"
	"io"
	"math/rand/v2"

	"github.com/google/uuid"
)

// Streams of a seed: each use has its own, so that reading calls do not change which ids objects get.
const (
	streamObjects = iota + 1
	streamCalls
	streamFaults
)

// newStream is a source of random bytes: the same for the same seed and stream, a fresh one for seed 0.
func newStream(seed int64, stream uint64) *rand.ChaCha8 {
	var key [32]byte
	if seed == 0 {
		_, _ = crand.Read(key[:]) // never fails, by its documentation
		return rand.NewChaCha8(key)
	}
	binary.LittleEndian.PutUint64(key[:], uint64(seed))
	binary.LittleEndian.PutUint64(key[8:], stream)
	return rand.NewChaCha8(key)
}

// newID is the id of a new object: random, or the next one of the seed. The engine is locked.
func (e *Engine) newID() string {
	id := nextID(e.ids)
	e.feed.issued(id)
	return id
}

// NewCallID is the id of a call that brought none.
func (e *Engine) NewCallID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return nextID(e.callIDs)
}

// Chance is true with the given probability, 0 to 1, by the seed.
func (e *Engine) Chance(probability float64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return rand.New(e.chances).Float64() < probability //nolint:gosec // not a secret
}

func nextID(source io.Reader) string {
	return uuid.Must(uuid.NewRandomFromReader(source)).String()
}
