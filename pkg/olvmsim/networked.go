package olvmsim

import (
	"errors"
	"net"
)

// listeners are where the engine's API is served.
type listeners []net.Listener

func (l listeners) addresses() (all []string) {
	for _, one := range l {
		all = append(all, one.Addr().String())
	}
	return all
}

func (l listeners) close() (err error) {
	for _, one := range l {
		err = errors.Join(err, one.Close())
	}
	return err
}

// listenToGuests listens in the guests' network as well, where they have one.
func (s *Simulator) listenToGuests(engine net.Listener) (listeners, error) {
	networked, ok := s.options.Guests.(Networked)
	if !ok {
		return listeners{engine}, nil
	}
	_, port, err := net.SplitHostPort(engine.Addr().String())
	if err != nil {
		return nil, err
	}
	segment, err := networked.ListenEngine(port)
	if err != nil {
		return nil, err
	}
	s.guestURL = "https://" + segment.Addr().String() + "/ovirt-engine"
	return listeners{engine, segment}, nil
}
