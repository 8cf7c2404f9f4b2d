package frame

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCodeEnds: the second digit decides, in codes that RFC 5730 does not define too.
func TestCodeEnds(t *testing.T) {
	for code, want := range map[Code]bool{
		1500: true, 2500: true, 2501: true, 2502: true, 1501: true, 1599: true, 2599: true, 9500: true,
		1000: false, 1001: false, 1300: false, 1499: false, 1600: false, 2005: false, 2050: false, 2105: false, 2305: false, 2400: false, 2499: false,
		2600: false, 5000: false, 5555: true, 0: false,
	} {
		if got := code.Ends(); got != want {
			t.Errorf("%d: got %v, want %v", code, got, want)
		}
	}
}

// TestCodeTexts: what RFC 5730 section 3 says of the codes as a whole holds for ours.
func TestCodeTexts(t *testing.T) {
	seen := map[string]Code{}
	for i := range NumCodes {
		c := CodeAt(i)
		text := c.Text()
		if c.Index() != i || text == "" {
			t.Errorf("%d: got index %d, want %d, and text %q", c, c.Index(), i, text)
		}
		if i > 0 && CodeAt(i-1) >= c {
			t.Errorf("%d stands behind %d", c, CodeAt(i-1))
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%d and %d have the text %q", other, c, text)
		}
		seen[text] = c
		success := c < 2000
		if got := strings.HasPrefix(text, "Command completed successfully"); got != success {
			t.Errorf("%d: text %q", c, text)
		}
		ends := strings.HasSuffix(text, "; ending session") || strings.HasSuffix(text, "; server closing connection")
		if c.Ends() != ends {
			t.Errorf("%d ends the session: %v, but its text is %q", c, c.Ends(), text)
		}
		// RFC 5730 section 3: the second digit is 0 (syntax), 1 (implementation), 2 (security), 3
		// (data management), 4 (server system) or 5 (connection management).
		if d := c / 100 % 10; d > 5 || c < 1000 || c > 2999 {
			t.Errorf("%d is no code of the RFC", c)
		}
	}
	// RFC 5730 section 3 in numbers: 5 codes of success, 29 of failure.
	if n := NumCodes; n != 34 || CodeAt(4) != 1500 || CodeAt(5) != 2000 {
		t.Errorf("got %d codes, %d before %d", n, CodeAt(4), CodeAt(5))
	}
}

func TestCodeText(t *testing.T) {
	for code, want := range map[Code]string{
		1000: "Command completed successfully",
		1301: "Command completed successfully; ack to dequeue",
		2201: "Authorization error",
		2202: "Invalid authorization information",
		2303: "Object does not exist",
		2502: "Session limit exceeded; server closing connection",
		1501: "", 2309: "", 2503: "", 0: "", -1000: "", 9999: "",
	} {
		if got := code.Text(); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
		if index := code.Index(); (index == NumCodes) != (want == "") {
			t.Errorf("%d: got index %d", code, index)
		}
	}
}

// TestCodeOfScan: every code that has a text is one that Scan accepts, and AppendResponse writes.
func TestCodeOfScan(t *testing.T) {
	var s Scanner
	for i := range NumCodes {
		c := CodeAt(i)
		unit := AppendResponse(nil, int(c), c.Text(), "", nil, []byte("S-1"))
		m, err := s.Scan(unit[HeaderLen:])
		if err != nil || Code(m.Code) != c {
			t.Errorf("%d: got %+v, %v", c, m, err)
			continue
		}
		if code, text, err := ParseResult(m.Payload); code != int(c) || text != c.Text() || err != nil {
			t.Errorf("%d: got %d %q %v", c, code, text, err)
		}
	}
}

// TestCodeInCorpus: registries' answers with the text of the RFC carry its code.
func TestCodeInCorpus(t *testing.T) {
	var s Scanner
	seen, known := map[int]bool{}, 0
	for _, r := range readTable(t, "MANIFEST.tsv") {
		m, err := s.Scan(readCorpus(t, r["path"]))
		if err != nil || m.Kind != KindResponse {
			continue
		}
		code, text, err := ParseResult(m.Payload)
		if err != nil {
			t.Errorf("%s: %v", r["path"], err)
			continue
		}
		seen[code] = true
		i := slices.IndexFunc(codeTexts[:], func(c struct {
			code Code
			text string
		}) bool {
			return c.text == text
		})
		if i < 0 {
			continue
		}
		known++
		if CodeAt(i) != Code(code) {
			t.Errorf("%s: code %s with the text of %d", r["path"], strconv.Itoa(code), CodeAt(i))
		}
	}
	if len(seen) < 5 || known < 10 {
		t.Errorf("got %d codes in the corpus, %d with a text of the RFC", len(seen), known)
	}
}

// BenchmarkCodeText is what the audit log asks about each answer.
func BenchmarkCodeText(b *testing.B) {
	for _, c := range []Code{1000, 2303, 9999} {
		b.Run(strconv.Itoa(int(c)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = c.Text()
			}
		})
	}
}
