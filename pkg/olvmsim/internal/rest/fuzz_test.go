package rest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// fuzzDecoder reads a body into each of the largest requests: what is read must be what is written and read again.
func fuzzDecoder(t *testing.T, format wire.Format, raw []byte) {
	t.Helper()
	codec := wire.NewCodec()
	for _, fresh := range []func() any{
		func() any { return new(VM) }, func() any { return new(Disk) }, func() any { return new(DiskAttachment) }, func() any { return new(Action) },
	} {
		first, second := fresh(), fresh()
		if codec.Decode(format, raw, "", first) != nil {
			continue
		}
		encoded, err := codec.Encode(format, wire.RootName(first), first)
		require.NoError(t, err)
		require.NoError(t, codec.Decode(format, encoded, wire.RootName(second), second), string(encoded))
		require.Equal(t, first, second)
	}
}

func FuzzDecodeXML(f *testing.F) {
	for _, body := range []string{
		"<action/>", "<action><force>true</force><reason>r</reason><vm><initialization><host_name>h</host_name></initialization></vm></action>",
		`<vm id="1"><name>n1</name><comment>{&quot;a&quot;:1}</comment><cluster id="C"/><template><name>t</name></template><memory>8589934592</memory>` +
			`<memory_policy><max>1</max></memory_policy><cpu><topology><cores>4</cores></topology></cpu><os><boot><devices><device>hd</device></devices></boot></os>` +
			`<initialization><custom_script>a&#xD;</custom_script></initialization><disk_attachments><disk_attachment><disk id="D"><sparse>true</sparse>` +
			`<storage_domains><storage_domain id="S"/></storage_domains></disk></disk_attachment></disk_attachments></vm>`,
		`<disk><name>d</name><format>cow</format><provisioned_size>1</provisioned_size></disk>`,
		`<disk_attachment><bootable>true</bootable><disk id="x"/></disk_attachment>`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { fuzzDecoder(t, wire.XML, raw) })
}

func FuzzDecodeJSON(f *testing.F) {
	for _, body := range []string{
		"{}", `{"force":"true","vm":{"initialization":{"host_name":"h"}}}`, `{"bootable":true,"disk":{"id":"x"}}`,
		`{"id":"1","name":"n1","cluster":{"id":"C"},"template":{"name":"t"},"memory":8589934592,"memory_policy":{"max":"1"},"cpu":{"topology":{"cores":4}},` +
			`"os":{"boot":{"devices":{"device":["hd"]}}},"disk_attachments":{"disk_attachment":[{"disk":{"id":"D","sparse":true}}]},"usb":{"enabled":false}}`,
		`{"name":"d","format":"cow","provisioned_size":"1","storage_domains":{"storage_domain":[{"name":"data"}]}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { fuzzDecoder(t, wire.JSON, raw) })
}
