package machine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnImageMarkComesBackAsItWas(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, mark := range []ImageMark{
		{Digest: digest},
		{Digest: digest, Options: ImageOptions("a b"), Disk: "5f3c2c1e-9d0f-4a38-9f5b-0f6f1f0c7a11", Complete: true},
		{Digest: digest, Options: ImageOptions("a b"), Template: "ock-1.33"},
		{Digest: digest, Template: "debian", Format: "cloud-config"},
	} {
		require.Less(t, len(mark.Text()), 255)
		got, ok := ParseImageMark(mark.Text())
		require.True(t, ok)
		require.Equal(t, mark, got)
		_, ok = ParseMark(mark.Text())
		require.False(t, ok, "a mark of an image is none of a machine")
	}
	for _, text := range []string{"", "OCK", "{}", `{"ocne":"v1"}`, Mark{Cluster: "a/b"}.Comment(), `{"ocne":"image/v2"}`, `{"ocne":`} {
		_, ok := ParseImageMark(text)
		require.False(t, ok, text)
	}
}

func TestImagesOfOursBootWithIgnitionUnlessTheirMarkSaysOtherwise(t *testing.T) {
	require.Equal(t, "ignition", ImageMark{Digest: "d"}.BootFormat())
	require.Equal(t, "cloud-config", ImageMark{Digest: "d", Format: "cloud-config"}.BootFormat())
}

func TestOptionsAndTemplateMakeAnotherImage(t *testing.T) {
	require.Empty(t, ImageOptions(""))
	plain, changed := ImageMark{Digest: "d"}, ImageMark{Digest: "d", Options: ImageOptions("quiet")}
	require.False(t, plain.SameImage(changed))
	require.True(t, changed.SameImage(ImageMark{Digest: "d", Options: ImageOptions("quiet"), Complete: true, Disk: "x"}))
	require.NotEqual(t, ImageVMName(plain), ImageVMName(changed))
	require.NotEqual(t, ImageVMName(ImageMark{Digest: "d", Template: "a"}), ImageVMName(ImageMark{Digest: "d", Template: "b"}))
	require.LessOrEqual(t, len(ImageVMName(plain)), maxVMName)
}
