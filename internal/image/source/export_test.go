package source

import "time"

// WithoutWaiting makes retries come at once.
func (p *Puller) WithoutWaiting() *Puller {
	p.firstWait = time.Millisecond
	return p
}

// WithFree makes the file system have other numbers of free bytes, one for each question; the last one stays.
func (p *Puller) WithFree(free ...int64) *Puller {
	p.free = func(string) (int64, error) {
		now := free[0]
		if len(free) > 1 {
			free = free[1:]
		}
		return now, nil
	}
	return p
}
