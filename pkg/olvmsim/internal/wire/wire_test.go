package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// VMThing has one field of each kind.
type VMThing struct {
	Href    string          `json:"href,omitempty"`
	ID      string          `json:"id,omitempty"`
	Name    *string         `json:"name,omitempty"`
	Comment string          `json:"comment"`
	Memory  *wire.Int       `json:"memory,omitempty"`
	Index   wire.Int        `json:"index"`
	Enabled *wire.Bool      `json:"enabled,omitempty"`
	Created *wire.Millis    `json:"created,omitempty"`
	Datum   *float64        `json:"datum,omitempty"`
	Cluster *Reference      `json:"cluster,omitempty"`
	Tags    *Tags           `json:"tags,omitempty"`
	Usage   []string        `json:"usage,omitempty"`
	Link    []Link          `json:"link,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
	rest
}

type rest struct {
	Extra json.RawMessage `json:"extra,omitempty"`
	VLAN  *VLAN           `json:"vlan,omitempty"`
}

type VLAN struct {
	ID wire.Int `json:"id"`
}

type Tags struct {
	Tag []Reference `json:"tag,omitempty"`
}

type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

type Reference struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

func (Reference) TakesAnything() {}

func ptr[T any](v T) *T { return &v }

func thing() VMThing {
	return VMThing{
		Href: "/vms/1", ID: "1", Name: ptr("a <b> & \"c\"\r\n\ttab"), Memory: ptr(wire.Int(6442450944)), Index: -1, Enabled: ptr(wire.Bool(false)),
		Created: ptr(wire.Millis(1767630835851)), Datum: ptr(12.5), Cluster: &Reference{ID: "C"}, Tags: &Tags{[]Reference{{ID: "t"}, {Name: "n"}}},
		Usage: []string{"vm", ""}, Link: []Link{{"/vms/1/nics", "nics"}}, rest: rest{VLAN: &VLAN{5}},
	}
}

func TestXMLHasAttributesElementsAndDates(t *testing.T) {
	c := wire.NewCodec()
	raw, err := c.Encode(wire.XML, wire.RootName(thing()), thing())
	require.NoError(t, err)
	require.Equal(t, `<?xml version='1.0' encoding='UTF-8' standalone='yes'?>
<vm_thing href="/vms/1" id="1">
    <name>a &lt;b&gt; &amp; "c"&#xD;
	tab</name>
    <comment/>
    <memory>6442450944</memory>
    <index>-1</index>
    <enabled>false</enabled>
    <created>2026-01-05T16:33:55.851Z</created>
    <datum>12.5</datum>
    <cluster id="C"/>
    <tags>
        <tag id="t"/>
        <tag>
            <name>n</name>
        </tag>
    </tags>
    <usage>vm</usage>
    <usage/>
    <link href="/vms/1/nics" rel="nics"/>
    <vlan id="5"/>
</vm_thing>
`, string(raw))
	var back VMThing
	require.NoError(t, c.Decode(wire.XML, raw, "vm_thing", &back))
	require.Equal(t, thing(), back)
}

func TestJSONHasStringsForIntegersAndBooleans(t *testing.T) {
	c := wire.NewCodec()
	in := thing()
	in.Payload = json.RawMessage(`{"a":[1]}`)
	raw, err := c.Encode(wire.JSON, "", in)
	require.NoError(t, err)
	require.Equal(t, `{
  "href": "/vms/1",
  "id": "1",
  "name": "a <b> & \"c\"\r\n\ttab",
  "comment": "",
  "memory": "6442450944",
  "index": "-1",
  "enabled": "false",
  "created": 1767630835851,
  "datum": 12.5,
  "cluster": {
    "id": "C"
  },
  "tags": {
    "tag": [
      {
        "id": "t"
      },
      {
        "name": "n"
      }
    ]
  },
  "usage": [
    "vm",
    ""
  ],
  "link": [
    {
      "href": "/vms/1/nics",
      "rel": "nics"
    }
  ],
  "payload": {
    "a": [
      1
    ]
  },
  "vlan": {
    "id": "5"
  }
}
`, string(raw))
	var back VMThing
	require.NoError(t, c.Decode(wire.JSON, raw, "", &back))
	require.Equal(t, in, back)
}

func TestCollections(t *testing.T) {
	c := wire.NewCodec()
	for _, test := range []struct {
		list      wire.List
		xml, json string
	}{
		{wire.List{Key: "vm"}, "<vms/>\n", "{}\n"},
		{wire.List{Key: "operating_system"}, "<operation_systems/>\n", "{}\n"},
		{wire.List{Key: "scheduling_policy"}, "<scheduling_policies/>\n", "{}\n"},
		{wire.List{Key: "vm", Items: []any{Link{"a", "b"}}}, "<vms>\n    <vm href=\"a\" rel=\"b\"/>\n</vms>\n",
			"{\n  \"vm\": [\n    {\n      \"href\": \"a\",\n      \"rel\": \"b\"\n    }\n  ]\n}\n"},
	} {
		x, err := c.Encode(wire.XML, wire.RootName(test.list), test.list)
		require.NoError(t, err)
		require.Equal(t, "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n"+test.xml, string(x))
		j, err := c.Encode(wire.JSON, "", test.list)
		require.NoError(t, err)
		require.Equal(t, test.json, string(j))
	}
}

func TestFurtherPropertiesReplaceAnObjectsOwn(t *testing.T) {
	c := wire.NewCodec()
	w := wire.With{Object: Reference{ID: "1", Name: "old"}, Extra: []wire.Property{
		{Key: "name", Value: "new"}, {Key: "tags", Value: wire.List{Key: "tag", Items: []any{Reference{ID: "t"}}}},
	}}
	j, err := c.Encode(wire.JSON, "", w)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"1","name":"new","tags":{"tag":[{"id":"t"}]}}`, string(j))
	x, err := c.Encode(wire.XML, wire.RootName(w), w)
	require.NoError(t, err)
	require.Contains(t, string(x), "<reference id=\"1\">\n    <name>new</name>\n    <tags>\n        <tag id=\"t\"/>\n    </tags>\n</reference>")
}

func TestRootNames(t *testing.T) {
	type VNICProfile struct{}
	type CDROM struct{}
	type DiskAttachment struct{}
	for name, v := range map[string]any{"vnic_profile": VNICProfile{}, "cdrom": CDROM{}, "disk_attachment": &DiskAttachment{}} {
		require.Equal(t, name, wire.RootName(v))
	}
}

func TestRequestsAreReadStrictly(t *testing.T) {
	const syntax, value, fine = "syntax", "value", ""
	c := wire.NewCodec()
	for _, test := range []struct {
		format    wire.Format
		raw, want string
	}{
		{wire.XML, `<vm_thing/>`, fine},
		{wire.XML, `<?xml version="1.0"?><vm_thing></vm_thing> <!-- c -->`, fine},
		{wire.XML, `<vm_thing><memory/></vm_thing>`, fine},
		{wire.XML, `<vm_thing><payload><any><thing/></any></payload></vm_thing>`, fine},
		{wire.XML, `<vm_thing><cluster id="1"><colour/></cluster></vm_thing>`, fine},
		{wire.XML, `<vm_thing><actions><link/></actions><creation_status>x</creation_status></vm_thing>`, fine},
		{wire.XML, `<vm_thing><memory> 5 </memory></vm_thing>`, fine},
		{wire.XML, `<vm_thing><created>2026-01-05T16:33:55.851+02:00</created></vm_thing>`, fine},
		{wire.XML, `<vm_thing><colour/></vm_thing>`, syntax},
		{wire.XML, `<vm_thing><id>5</id></vm_thing>`, syntax},
		{wire.XML, `<vm_thing><name><b/></name></vm_thing>`, syntax},
		{wire.XML, `<other/>`, syntax},
		{wire.XML, `<vm_thing>`, syntax},
		{wire.XML, `<vm_thing/><vm_thing/>`, syntax},
		{wire.XML, `<vm_thing/>text`, syntax},
		{wire.XML, `{}`, syntax},
		{wire.XML, `<vm_thing><memory>x</memory></vm_thing>`, value},
		{wire.XML, `<vm_thing><memory>99999999999999999999</memory></vm_thing>`, value},
		{wire.XML, `<vm_thing><enabled>maybe</enabled></vm_thing>`, value},
		{wire.XML, `<vm_thing><created>today</created></vm_thing>`, value},
		{wire.JSON, `{}`, fine},
		{wire.JSON, `{"memory":5,"enabled":"TRUE","created":"7"}`, fine},
		{wire.JSON, `{"memory":"5","enabled":true,"name":null}`, fine},
		{wire.JSON, `{"cluster":{"id":"1","colour":"blue"},"extra":[1],"creation_status":"x"}`, fine},
		{wire.JSON, `{"colour":1}`, syntax},
		{wire.JSON, `{"Memory":1}`, syntax},
		{wire.JSON, `{} {}`, syntax},
		{wire.JSON, `[]`, syntax},
		{wire.JSON, `null`, syntax},
		{wire.JSON, `{"tags":{"tag":{}}}`, syntax},
		{wire.JSON, `{"name":{}}`, syntax},
		{wire.JSON, `<vm_thing/>`, syntax},
		{wire.JSON, `{"memory":"x"}`, value},
		{wire.JSON, `{"memory":1.5}`, value},
		{wire.JSON, `{"enabled":"maybe"}`, value},
	} {
		err := c.Decode(test.format, []byte(test.raw), "vm_thing", &VMThing{})
		var bad *wire.ValueError
		switch test.want {
		case fine:
			require.NoError(t, err, test.raw)
		case syntax:
			require.ErrorIs(t, err, wire.ErrSyntax, test.raw)
		case value:
			require.ErrorAs(t, err, &bad, test.raw)
		}
	}
}

// fuzz checks that what is read is what is written and read again.
func fuzz(t *testing.T, format wire.Format, raw []byte) {
	t.Helper()
	c := wire.NewCodec()
	var first, second VMThing
	if c.Decode(format, raw, "", &first) != nil {
		return
	}
	encoded, err := c.Encode(format, wire.RootName(first), first)
	require.NoError(t, err)
	require.NoError(t, c.Decode(format, encoded, "vm_thing", &second), string(encoded))
	require.Equal(t, first, second)
}

func FuzzDecodeXML(f *testing.F) {
	raw, err := wire.NewCodec().Encode(wire.XML, "vm_thing", thing())
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`<vm_thing id="1"><cluster><name>a&#xD;b</name></cluster><memory>1</memory><payload><a/></payload></vm_thing>`))
	f.Fuzz(func(t *testing.T, raw []byte) { fuzz(t, wire.XML, raw) })
}

func FuzzDecodeJSON(f *testing.F) {
	raw, err := wire.NewCodec().Encode(wire.JSON, "", thing())
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"memory":1,"tags":{"tag":[{}]},"payload":[1,"x",null],"usage":[],"created":null,"datum":"1e3"}`))
	f.Fuzz(func(t *testing.T, raw []byte) { fuzz(t, wire.JSON, raw) })
}
