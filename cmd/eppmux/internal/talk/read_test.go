package talk

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
)

// TestOddAnswers: an answer that breaks rules of XML answers its message where its code and its clTRID are
// beyond doubt. The octets stay as they are.
func TestOddAnswers(t *testing.T) {
	const id = "eppmux-test-ABCDEFGHIJKLM"
	around := func(words, id string) string {
		return strings.NewReplacer("<trID>", "<trID>"+id, "<msg>", "<msg>"+words).Replace(clitest.OKXML)
	}
	element := func(id string) string { return "<clTRID>" + id + "</clTRID>" }
	for _, c := range []struct {
		name, answer string
		ok           bool
		odd          frame.Reason
	}{
		{"good", around("", element(id)), true, frame.ReasonNone},
		{"a form feed", around("\f", element(id)), true, frame.BadCharacter},
		{"Latin-1", around("\xE9", element(id)), true, frame.BadUTF8},
		{"an entity", around("&nbsp;", element(id)), true, frame.BadReference},
		{"a less-than", around("a<b", element(id)), true, frame.BadTag},
		{"NUL behind", around("", element(id)) + "\x00", true, frame.TextOutsideRoot},
		{"no id", around("\f", ""), true, frame.BadCharacter},
		{"an empty id", around("\f", "<clTRID/>"), true, frame.BadCharacter},
		{"another id", around("\f", element("UNKNOWN")), false, frame.ReasonNone},
		{"an earlier one", around("\f", element("eppmux-test-BBCDEFGHIJKLM")), false, frame.ReasonNone},
		{"no code", strings.Replace(around("\f", element(id)), " code=", " kode=", 1), false, frame.ReasonNone},
		{"a greeting", clitest.GreetingXML + "\x00", false, frame.ReasonNone},

		{"made up", around("", element("UNKNOWN")), true, frame.ReasonNone},
		{"empty", around("", "<clTRID/>"), true, frame.ReasonNone},
		{"lower case", around("", element(strings.ToLower(id))), true, frame.ReasonNone},
		{"cut", around("", element(id[:22])), true, frame.ReasonNone},
		{"cut to what all have", around("", element(id[:16])), false, frame.ReasonNone},
		{"one letter", around("", element("e")), false, frame.ReasonNone},
		{"longer", around("", element(id+"N")), false, frame.ReasonNone},
		{"earlier", around("", element("eppmux-test-BBCDEFGHIJKLM")), false, frame.ReasonNone},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, other := piped(t)
			go reply(t.Context(), other, 0, c.answer)
			a, err := d.Exchange(t.Context(), NewMessage([]byte(clitest.CheckXML)).Named(id), time.Minute)
			if (err == nil) != c.ok || string(a.Octets) != c.answer {
				t.Errorf("%s: got %+v, %v", c.name, a, err)
			}
			if c.ok && (a.Odd != c.odd || a.Code != 1000) {
				t.Errorf("%s: got %v and code %d, want %v", c.name, a.Odd, a.Code, c.odd)
			}
		})
	}
}

// TestOddGreetings: a login takes what it needs of a greeting that is no good XML, and a hello is answered
// by one.
func TestOddGreetings(t *testing.T) {
	const odd = `<epp xmlns="` + frame.Namespace + `"><greeting><svID>caf` + "\xE9" + ` &nbsp;</svID><svDate>2000-01-01T00:00:00Z</svDate>` +
		`<svcMenu><version>1.0</version><lang>de</lang><objURI>urn:o</objURI></svcMenu></greeting></epp>` + "\x00"
	synctest.Test(t, func(t *testing.T) {
		d, other := piped(t)
		go other.Write(clitest.Unit(odd))
		if err := d.greet(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if g, err := d.Greeting(); err != nil || string(g.Octets) != odd || g.Odd != frame.BadUTF8 || g.Kind != frame.KindGreeting {
			t.Errorf("got %+v, %v", g, err)
		}
		l, err := d.LoginFor(new(config.Registry))
		if err != nil || len(l.ObjectURIs) == 0 || l.Language != "de" {
			t.Errorf("got %+v, %v", l, err)
		}
		go reply(t.Context(), other, 0, odd)
		hello := NewMessage(frame.AppendHello(nil)[frame.HeaderLen:])
		if a, err := d.Exchange(t.Context(), hello, time.Minute); err != nil || a.Kind != frame.KindGreeting || a.Odd != frame.BadUTF8 {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}
