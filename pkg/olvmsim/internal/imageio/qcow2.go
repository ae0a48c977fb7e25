package imageio

import (
	"encoding/binary"
	"sort"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// Sizes of the qcow2 images that are made here: clusters of 64 KiB, reference counts of two bytes.
const (
	clusterBits    = 16
	clusterSize    = int64(1) << clusterBits
	entriesPerL2   = clusterSize / 8
	refcountsPerRB = clusterSize / 2
	headerLengthV3 = 104
	copied         = uint64(1) << 63 // the flag of a cluster that is referred to once
)

// run is clusters of data that follow each other in the guest's view and in the file.
type run struct{ guest, host, count int64 }

// encoded is a disk's visible content as a qcow2 image that is made while it is read: header, L1 table, reference counts,
// L2 tables, data. Only where data is, by runs, is kept in memory.
type encoded struct {
	source         visible
	runs           []run
	l2             []int64 // the L1 indexes that have an L2 table, in order
	l1Size         int64
	l1, table      int64 // first clusters of the L1 table and the refcount table
	blocks, tables int64 // first clusters of the refcount blocks and the L2 tables
	data, clusters int64
}

func newEncoded(source visible) (*encoded, error) {
	data, err := source.data()
	if err != nil {
		return nil, err
	}
	e := &encoded{source: source, l1: 1}
	e.l1Size = max(1, ceilDiv(ceilDiv(source.virtual, clusterSize), entriesPerL2))
	var used engine.Spans
	for _, d := range data {
		used.Add(d.Start/clusterSize, ceilDiv(d.End, clusterSize))
	}
	dataClusters := int64(0)
	for _, u := range used {
		e.runs = append(e.runs, run{guest: u.Start, host: dataClusters, count: u.End - u.Start})
		dataClusters += u.End - u.Start
		for index := u.Start / entriesPerL2; index <= (u.End-1)/entriesPerL2; index++ {
			if len(e.l2) == 0 || e.l2[len(e.l2)-1] != index {
				e.l2 = append(e.l2, index)
			}
		}
	}
	e.layOut(dataClusters)
	for i := range e.runs {
		e.runs[i].host += e.data
	}
	return e, nil
}

// layOut finds how many refcount blocks are needed: they count themselves.
func (e *encoded) layOut(dataClusters int64) {
	e.table = e.l1 + ceilDiv(e.l1Size*8, clusterSize)
	fixed := e.table + int64(len(e.l2)) + dataClusters
	blocks, tableClusters := int64(1), int64(1)
	for blocks*refcountsPerRB < fixed+blocks+tableClusters {
		blocks = ceilDiv(fixed+blocks+tableClusters, refcountsPerRB)
		tableClusters = ceilDiv(blocks*8, clusterSize)
	}
	e.blocks = e.table + tableClusters
	e.tables = e.blocks + blocks
	e.data = e.tables + int64(len(e.l2))
	e.clusters = e.data + dataClusters
}

func (e *encoded) size() int64 { return e.clusters * clusterSize }

func (e *encoded) extents() ([]extent, error) { return []extent{{Length: e.size()}}, nil }

func (e *encoded) ReadAt(p []byte, offset int64) (int, error) {
	total := len(p)
	for len(p) > 0 {
		index, within := offset/clusterSize, offset%clusterSize
		n := min(clusterSize-within, int64(len(p)))
		switch {
		case index >= e.clusters:
			clear(p)
			return total, nil
		case index >= e.data:
			r := e.runs[sort.Search(len(e.runs), func(i int) bool { return e.runs[i].host+e.runs[i].count > index })]
			n = min((r.host+r.count)*clusterSize-offset, int64(len(p)))
			if _, err := e.source.ReadAt(p[:n], (r.guest-r.host)*clusterSize+offset); err != nil {
				return 0, err
			}
		default:
			var cluster [clusterSize]byte
			e.metadata(index, cluster[:])
			copy(p[:n], cluster[within:])
		}
		p, offset = p[n:], offset+n
	}
	return total, nil
}

// metadata fills one cluster that holds no data.
func (e *encoded) metadata(index int64, cluster []byte) {
	put := func(i, value int64, flag uint64) {
		binary.BigEndian.PutUint64(cluster[i*8:], uint64(value*clusterSize)|flag)
	}
	switch {
	case index == 0:
		e.header(cluster)
	case index < e.table:
		first := (index - e.l1) * entriesPerL2
		for i, l1 := range e.l2 {
			if l1 >= first && l1 < first+entriesPerL2 {
				put(l1-first, e.tables+int64(i), copied)
			}
		}
	case index < e.blocks:
		first := (index - e.table) * entriesPerL2
		for i := int64(0); i < entriesPerL2 && first+i < e.tables-e.blocks; i++ {
			put(i, e.blocks+first+i, 0)
		}
	case index < e.tables:
		first := (index - e.blocks) * refcountsPerRB
		for i := int64(0); i < refcountsPerRB && first+i < e.clusters; i++ {
			binary.BigEndian.PutUint16(cluster[i*2:], 1)
		}
	default:
		first := e.l2[index-e.tables] * entriesPerL2
		from := sort.Search(len(e.runs), func(i int) bool { return e.runs[i].guest+e.runs[i].count > first })
		for _, r := range e.runs[from:] {
			if r.guest >= first+entriesPerL2 {
				break
			}
			for g := max(r.guest, first); g < min(r.guest+r.count, first+entriesPerL2); g++ {
				put(g-first, r.host+g-r.guest, copied)
			}
		}
	}
}

func (e *encoded) header(cluster []byte) {
	big := binary.BigEndian
	big.PutUint32(cluster[0:], qcow2Magic)
	big.PutUint32(cluster[4:], 3)
	big.PutUint32(cluster[20:], clusterBits)
	big.PutUint64(cluster[24:], uint64(ceilDiv(e.source.virtual, 512)*512))
	big.PutUint32(cluster[36:], uint32(e.l1Size))
	big.PutUint64(cluster[40:], uint64(e.l1*clusterSize))
	big.PutUint64(cluster[48:], uint64(e.table*clusterSize))
	big.PutUint32(cluster[56:], uint32(e.blocks-e.table))
	big.PutUint32(cluster[96:], 4) // two to the power of four bits per reference count
	big.PutUint32(cluster[100:], headerLengthV3)
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
