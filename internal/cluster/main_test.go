package cluster

import (
	"testing"

	"github.com/ocne-project/ocne/test/libvirtd"
)

func TestMain(m *testing.M) { libvirtd.Main(m) }
