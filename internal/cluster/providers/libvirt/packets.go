package libvirt

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// What the headers of libvirt's packets say (src/rpc/virnetprotocol.x). Lengths include the four bytes of the length itself.
const (
	lengthSize     = 4
	headerSize     = 24
	longestPacket  = 64 << 20
	typeStream     = 3
	statusContinue = 2
)

// packets is a connection that gives the client only what it expects. libvirt may send the first packets of a stream before the reply that
// announces it, and more than one at its end; the client loses the ones and gets stuck for good at the others.
type packets struct {
	net.Conn
	from    *bufio.Reader
	left    []byte
	replied map[uint32]bool   // serial numbers of calls
	ended   map[uint32]bool   // and of streams
	early   map[uint32][]byte // packets of streams without a reply
}

func newPackets(conn net.Conn) *packets {
	return &packets{
		Conn: conn, from: bufio.NewReader(conn), replied: map[uint32]bool{}, ended: map[uint32]bool{}, early: map[uint32][]byte{},
	}
}

// Read gives whole packets, in parts if need be.
func (p *packets) Read(b []byte) (int, error) {
	for len(p.left) == 0 {
		packet, err := p.next()
		if err != nil {
			return 0, err
		}
		p.left = p.sort(packet)
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}

func (p *packets) next() ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(p.from, length[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size < lengthSize+headerSize || size > longestPacket {
		return nil, fmt.Errorf("a packet of %d bytes: %w", size, io.ErrUnexpectedEOF)
	}
	packet := make([]byte, size)
	copy(packet, length[:])
	_, err := io.ReadFull(p.from, packet[lengthSize:])
	return packet, err
}

// sort returns what the client gets when this packet has come.
func (p *packets) sort(packet []byte) []byte {
	header := packet[lengthSize:]
	kind, serial, status := binary.BigEndian.Uint32(header[12:]), binary.BigEndian.Uint32(header[16:]), binary.BigEndian.Uint32(header[20:])
	if kind != typeStream {
		p.replied[serial] = true
		packet = append(packet, p.early[serial]...)
		delete(p.early, serial)
		return packet
	}
	if p.ended[serial] {
		return nil
	}
	p.ended[serial] = status != statusContinue || len(packet) == lengthSize+headerSize
	if !p.replied[serial] {
		p.early[serial] = append(p.early[serial], packet...)
		return nil
	}
	return packet
}
