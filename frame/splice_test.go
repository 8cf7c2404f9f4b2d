package frame

import (
	"bytes"
	"testing"
)

func TestAppendCommand(t *testing.T) {
	tests := []struct{ doc, want string }{
		{inCommand(`<logout/><clTRID>a</clTRID>`), inCommand(`<logout/><clTRID>ID</clTRID>`)},
		{inCommand(`<logout/><clTRID ><!-- x --> a</clTRID >`), inCommand(`<logout/><clTRID >ID</clTRID >`)},
		{inCommand(`<logout/>`), inCommand(`<logout/><clTRID>ID</clTRID>`)},
		{`<q:epp xmlns:q="u"><q:command><q:logout/></q:command></q:epp>`,
			`<q:epp xmlns:q="u"><q:command><q:logout/><q:clTRID>ID</q:clTRID></q:command></q:epp>`},
		{inEPP(`<extension><x xmlns="u"/></extension>`), inEPP(`<extension><x xmlns="u"/></extension>`)},
		{inEPP(`<extension><x xmlns="u"><clTRID>a</clTRID></x></extension>`),
			inEPP(`<extension><x xmlns="u"><clTRID>ID</clTRID></x></extension>`)},
	}
	var s Scanner
	for _, tt := range tests {
		m, err := s.Scan([]byte(tt.doc))
		if err != nil {
			t.Fatalf("%s: %v", tt.doc, err)
		}
		unit, at := AppendCommand([]byte("dst"), m, []byte("ID"))
		if n, err := Size(unit[3:], len(unit)); n != len(unit)-3 || err != nil {
			t.Errorf("size %d %v, want %d", n, err, len(unit)-3)
		}
		if got := string(unit[3+HeaderLen:]); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		if at > 0 && string(unit[at:at+2]) != "ID" || at == 0 && tt.doc != tt.want {
			t.Errorf("%s: at %d", tt.doc, at)
		}
	}
}

func TestAppendUnit(t *testing.T) {
	payload := []byte("0123456789")
	tests := []struct {
		edits []Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]Edit{{Span{0, 0}, []byte("a")}, {Span{0, 1}, nil}, {Span{1, 3}, []byte("bcd")}, {Span{9, 10}, nil}, {Span{10, 10}, []byte("e")}}, "abcd345678e"},
		{[]Edit{{Span{0, 10}, nil}}, ""},
		{[]Edit{{Span{8, 9}, []byte("a")}, {Span{1, 2}, []byte("b")}, {Span{1, 1}, []byte("c")}}, "0cb234567a9"},
		{[]Edit{{Span{8, 9}, []byte("a")}, {Span{1, 1}, []byte("c")}, {Span{1, 2}, []byte("b")}}, "0cb234567a9"},
	}
	for _, tt := range tests {
		unit := AppendUnit([]byte("x"), payload, tt.edits)
		if got := string(unit[1+HeaderLen:]); got != tt.want || !bytes.Equal(unit[:1+HeaderLen], AppendHeader([]byte("x"), len(tt.want))) {
			t.Errorf("%v: got %q, want %q", tt.edits, unit, tt.want)
		}
	}
}

func TestBugPanics(t *testing.T) {
	payload := []byte("0123456789")
	calls := map[string]func(){
		"overlap":      func() { AppendUnit(nil, payload, []Edit{{Span{2, 4}, nil}, {Span{3, 5}, nil}}) },
		"beyond":       func() { AppendUnit(nil, payload, []Edit{{Span{9, 11}, nil}}) },
		"backward":     func() { AppendUnit(nil, payload, []Edit{{Span{3, 2}, nil}}) },
		"empty clTRID": func() { (&ClTRID{Element: Span{1, 10}, Content: Span{10, 10}}).Replace(nil) },
		"empty clTRID in command": func() {
			AppendCommand(nil, &Message{Payload: payload, ClTRID: ClTRID{Element: Span{1, 10}, Content: Span{10, 10}}}, nil)
		},
	}
	for name, call := range calls {
		func() {
			defer func() {
				if r, _ := recover().(string); len(r) < 4 || r[:4] != "BUG:" {
					t.Errorf("%s: got %q", name, r)
				}
			}()
			call()
		}()
	}
}
