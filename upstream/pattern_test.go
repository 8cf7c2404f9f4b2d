package upstream

import (
	"strings"
	"testing"

	"eppmux/frame"
)

// TestLongAnswer: the words of an answer are read up to a length of it. A registry that sends
// refusals of the greatest length there is must not hold up the loop with each: beside the scan,
// reading one would take several times as long.
func TestLongAnswer(t *testing.T) {
	answer := func(filler int) string {
		return epp(`<response><result code="2201"><msg>Session timeout, not logged in</msg></result><resData>` +
			strings.Repeat("<x/>", filler/4) + `</resData><trID><svTRID>S</svTRID></trID></response>`)
	}
	for _, tt := range []struct {
		name   string
		octets int
		lost   bool
	}{
		{"short", 100, true},
		{"nearly too long", maxWorded - 1000, true},
		{"too long", maxWorded, false},
		{"as long as there is", defaultMaxResponse - 1000, false},
	} {
		m, err := frame.NewScanner().Scan([]byte(answer(tt.octets)))
		if err != nil {
			t.Fatal(err)
		}
		if got := matchAny(DefaultLost, m, nil); got != tt.lost {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.lost)
		}
		if got := matchAny([]Pattern{{2201, ""}}, m, nil); !got {
			t.Errorf("%s: by its code alone it must match", tt.name)
		}
		want := 0.0 // words are read with allocations
		if got := testing.AllocsPerRun(10, func() { matchAny(DefaultLost, m, nil) }); !tt.lost && got > want {
			t.Errorf("%s: %.0f allocations, want %.0f", tt.name, got, want)
		}
		if text := refusal(m, new(frame.Login)).Error(); strings.Contains(text, "timeout") != tt.lost || !strings.Contains(text, "2201") {
			t.Errorf("%s: got %q", tt.name, text)
		}
	}
}

// TestLostWords: words that can only mean a lost login, and words that may mean anything.
func TestLostWords(t *testing.T) {
	for words, want := range map[string]bool{
		"You must log in first":       true,
		"Client is not logged on":     true,
		"Login required":              true,
		"Please login":                true,
		"There is no active session":  true,
		"Your session has expired":    true,
		"Authorization error":         false,
		"Command use error":           false,
		"The domain has expired":      false,
		"Contact 'login' not allowed": false,
	} {
		for _, code := range []string{"2002", "2201"} {
			m, err := frame.NewScanner().Scan([]byte(answerText(code, words, "M")))
			if err != nil {
				t.Fatal(err)
			}
			if got := matchAny(DefaultLost, m, nil); got != want {
				t.Errorf("%s %q: got %v, want %v", code, words, got, want)
			}
		}
	}
}

// TestHolds: the text of a command is found however it is written.
func TestHolds(t *testing.T) {
	for payload, want := range map[string]bool{
		``:                                      false,
		`<a>not logged in</a>`:                  true,
		`<a>are you NOT&#x20;logged&#9;in?</a>`: true,
		"<a>not\r\n\tlogged in</a>":             true,
		`<a>not<b/> logged <![CDATA[in]]></a>`:  true,
		`<a>not <!-- x -->logged<?x y?> in</a>`: true,
		`<a><b>not</b><b>logged in</b></a>`:     true,
		`<a b="x not" c="logged in"/>`:          true,
		`<a>not <b c="x"/> logged in</a>`:       true,
		`<a b="logged in">not</a>`:              false,
		`<a>logged in</a>`:                      false,
		`<a><!-- not logged in --></a>`:         false,
		`<not_logged_in/>`:                      false,
		`<a>` + strings.Repeat("x", maxWorded-6-len(`</a>`)) + `</a>`: false,
		`<a>` + strings.Repeat("x", maxWorded-6) + `</a>`:             true, // cannot be told
		"<a>\x01</a>": true,
	} {
		if got := holds([]byte(payload), "not logged in"); got != want {
			t.Errorf("%.80q: got %v, want %v", payload, got, want)
		}
	}
}
