package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// keysOf gives the keys of a line of JSON in their order.
func keysOf(t *testing.T, line []byte) (keys []string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	depth, key := 0, true
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
		default:
			if depth == 1 && key {
				keys, key = append(keys, tok.(string)), false
				continue
			}
		}
		if depth == 1 {
			key = true
		}
	}
}

// tagsOf gives the keys that Line reads, in the order of its fields.
func tagsOf(t *testing.T) (tags []string) {
	t.Helper()
	for i := range reflect.TypeFor[Line]().NumField() {
		f := reflect.TypeFor[Line]().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			t.Errorf("%s has no key", f.Name)
		}
		// A line has always time and event, and of the rest what is not empty.
		if always := name == "time" || name == "event"; always == (options == "omitempty") {
			t.Errorf("%s: options %q", name, options)
		}
		tags = append(tags, name)
	}
	return tags
}

// fullest is an entry of which every key of a line is filled, but for lost and those of resolved.
func fullest() *Entry {
	var names strings.Builder
	for i := range maxNames + 7 {
		fmt.Fprintf(&names, "<d:name>n%d.example</d:name>", i)
	}
	return &Entry{
		Transform: true,
		Time:      at("2026-03-01T12:00:00Z"), Event: End, Registry: "r", Listener: "unix:///s", Client: "uid 7", Session: 3,
		Command: "check", Op: "query", ClTRID: []byte("C-1"), MuxTRID: []byte("M-1"),
		Payload: []byte(headXML + `<command><check><d:check xmlns:d="` + domainURI + `">` + names.String() + `</d:check></check></command></epp>`),
		End:     "answered", Cause: "some", Code: 2306, Answer: []byte(answerXML(2306, "no")), SvTRID: []byte("S-1"), Orphan: true,
		Wait: time.Second, RTT: time.Second,
	}
}

// TestTagsAreKeys: the keys that the renderer writes are those that a Line reads, and no others, in
// the same order.
func TestTagsAreKeys(t *testing.T) {
	r := newRenderer(true)
	written := keysOf(t, r.append(nil, fullest()))
	ofLog := keysOf(t, r.appendOwn(nil, lost, time.Now(), 12))
	ofResolved := keysOf(t, r.appendResolution(nil, time.Now(), &Resolution{Registry: "r", By: "b", Words: "w"}))
	tags := tagsOf(t)
	for _, key := range ofLog {
		if !slices.Contains(written, key) {
			// The place of lost is behind rtt: nothing has both, and the order is the struct's.
			written = slices.Insert(written, slices.Index(written, "rtt")+1, key)
		}
	}
	for _, key := range ofResolved {
		if !slices.Contains(written, key) {
			written = append(written, key)
		}
	}
	if !slices.Equal(written, tags) {
		t.Errorf("written are\n%q, the tags are\n%q", written, tags)
	}
}

// TestLineReadsAll: what is written comes back in its field, and nothing is left over.
func TestLineReadsAll(t *testing.T) {
	e := fullest()
	raw := newRenderer(true).append(nil, e)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var l Line
	if err := dec.Decode(&l); err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeOf(l).NumField() {
		if f := reflect.TypeOf(l).Field(i); !slices.Contains([]string{"Lost", "Sent", "By", "Words"}, f.Name) && reflect.ValueOf(l).Field(i).IsZero() {
			t.Errorf("%s is empty in %s", f.Name, raw)
		}
	}
	if !l.Time.Equal(e.Time) || l.Event != "end" || l.Registry != e.Registry || l.Listener != e.Listener || l.Client != e.Client ||
		l.Session != e.Session || l.Command != e.Command || l.Op != e.Op || l.ClTRID != "C-1" || l.MuxTRID != "M-1" || l.SvTRID != "S-1" ||
		l.Code != e.Code || l.Message != "no" || l.End != e.End || l.Cause != e.Cause || !l.Orphan || l.Wait != 1 || l.RTT != 1 {
		t.Errorf("got %+v of %+v", l, e)
	}
	if len(l.Names) != maxNames || l.Left != 7 || l.Object != "domain" {
		t.Errorf("got %d names, %d left, object %q", len(l.Names), l.Left, l.Object)
	}
}

// TestMoment: one form, whatever the zone and whatever is finer than a microsecond.
func TestMoment(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00.000000Z",
		"2026-03-01T12:00:00.123456789+01:00": "2026-03-01T11:00:00.123456Z",
		"2026-12-31T23:30:00-01:00":           "2027-01-01T00:30:00.000000Z",
	} {
		m := Moment{at(in)}
		if got := m.String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
		data, err := json.Marshal(m)
		if err != nil || string(data) != `"`+want+`"` {
			t.Errorf("%s: got %s, %v", in, data, err)
		}
		var back Moment
		if err := json.Unmarshal(data, &back); err != nil || back.String() != want {
			t.Errorf("%s: got %v, %v", in, back, err)
		}
	}
}
