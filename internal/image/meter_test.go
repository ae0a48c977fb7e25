package image

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

func TestSizesAreReadableByPeople(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10 << 10: "10 KiB", 1000 << 10: "1.0 MiB", 2_800_000_000: "2.6 GiB", 15 << 30: "15 GiB", 1 << 60: "1024 PiB",
	} {
		require.Equal(t, want, Size(n))
	}
}

func TestAPipeGetsALineForEachTenthPart(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	m := newMeter(progress.NewPlain(&out, clock), "disk ock", "is being uploaded")
	m.now = clock
	const total = 1000
	for done := int64(0); done <= total; done += 50 {
		m.at(done, total)
		now = now.Add(time.Second)
	}
	require.Equal(t, 11, bytes.Count(out.Bytes(), []byte("\n")), out.String())
	require.Contains(t, out.String(), "[    1s] disk ock: is being uploaded, 0 %\n", "not what may be over in a moment")
	require.Contains(t, out.String(), "disk ock: is being uploaded, 40 %")
	require.Equal(t, "500 B of 1000 B, 50 B/s, 10s left", m.detail(time.Unix(10, 0), 500, total))
}
