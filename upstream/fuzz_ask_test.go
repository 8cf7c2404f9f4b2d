package upstream

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// ask is an exchange with its client.
type ask struct {
	r         *rig
	n         int
	x         *Exchange
	query     bool
	bare      bool   // the payload has no place for a clTRID
	own       string // content of its clTRID
	front     string // what must be written before the muxTRID
	back      string // and behind it
	then      int    // what its client does at the end
	over      bool
	cancelled bool

	writes, rejected int
	lost             bool // rejected since a login was lost
	last             *line
	unsure           bool // an answer to it was such that the judge could not tell
}

var nameForm = regexp.MustCompile(`n([0-9]+)\.example`)

// forms are commands as clients write them: a % is their name, a @ the content of their clTRID.
var forms = []struct {
	query     bool
	own, text string
}{
	{true, "C-1", epp(`<command><check><d:check xmlns:d="urn:d"><d:name>%</d:name></d:check></check><clTRID>@</clTRID></command>`)},
	{false, "C-2", epp(`<command><delete><d:delete xmlns:d="urn:d"><d:name>%</d:name></d:delete></delete><clTRID>@</clTRID></command>`)},
	{true, "", epp(`<command><info><d:info xmlns:d="urn:d"><d:name>%</d:name></d:info></info></command>`)},
	{false, "", epp(`<command><delete><d:delete xmlns:d="urn:d"><d:name>%</d:name></d:delete></delete></command>`)},
	{false, strings.Repeat("long-", 20), epp(`<command><create><d:create xmlns:d="urn:d"><d:name>%</d:name></d:create></create><clTRID>@</clTRID></command>`)},
	{true, " a&#x20;<![CDATA[<b>]]><!-- c -->", epp(`<command><transfer op="query"><d:transfer xmlns:d="urn:d"><d:name>%</d:name></d:transfer></transfer><clTRID>@</clTRID></command>`)},
	{false, "C-3", `<q:epp xmlns:q="urn:q"><q:command><q:renew><r xmlns="urn:r">%</r></q:renew><q:clTRID>@</q:clTRID></q:command></q:epp>`},
	{false, "", epp(`<extension><x xmlns="urn:x">%</x></extension>`)},
	{false, "C-4", epp(`<extension><x xmlns="urn:x"><name>%</name><clTRID>@</clTRID></x></extension>`)},
	{true, "C-5", epp(`<command><info><d:info xmlns:d="urn:d"><d:name>%</d:name><d:x>NOT logged in</d:x></d:info></info><clTRID>@</clTRID></command>`)},
	{true, "C-6", epp(`<command><check><d:check xmlns:d="urn:d"><d:name>%</d:name></d:check></check><extension><f:check xmlns:f="urn:ietf:params:xml:ns:epp:fee-1.0"/></extension><clTRID>@</clTRID></command>`)},
	{false, "C-7", epp(`<command><info><d:info xmlns:d="urn:d"><d:name>%</d:name></d:info></info><extension><a:info xmlns:a="urn:a"><a:new/></a:info></extension><clTRID>@</clTRID></command>`)},
	{false, "a" + strings.Repeat("<!-- long -->", 20), epp(`<command><update><d:update xmlns:d="urn:d"><d:name>%</d:name></d:update></update><clTRID>@</clTRID></command>`)},
}

const askedMax = 40

func (r *rig) ask(form, then int) {
	if len(r.asks) == askedMax {
		return
	}
	f := forms[form%len(forms)]
	k := &ask{r: r, n: len(r.asks), query: f.query, own: f.own, then: then}
	text := strings.Replace(f.text, "%", fmt.Sprintf("n%d.example", k.n), 1)
	var found bool
	k.front, k.back, found = strings.Cut(text, "@")
	if !found {
		if k.front, k.back, found = strings.Cut(text, "</command>"); found {
			k.front, k.back = k.front+"<clTRID>", "</clTRID></command>"+k.back
		}
		k.bare = !found
	}
	r.asks = append(r.asks, k)
	text = strings.Replace(text, "@", f.own, 1)
	r.note("exchange %d: %s", k.n, text)
	var s frame.Scanner
	m, err := s.Scan([]byte(text))
	if err != nil || m.Query(nil) != f.query {
		r.fatalf("form %d: query %v, %v", form, f.query, err)
	}
	k.x = r.a.Exchange(Sender{Client: k}, m)
	r.a.Submit(k.x)
}

// written compares what was written of the command with what may be.
func (k *ask) written(l *line, payload string) {
	r := k.r
	if want := k.front + l.id + k.back; payload != want || !k.bare && !isMux(l.id) {
		r.fatalf("I12: wrote %s\nwant  %s", payload, want)
	}
	if old := k.last; old != nil && old.by == k {
		if why := old.rejection(); why != noRejection {
			k.rejected++
			k.lost = k.lost || why == lostLogin
		} else if !old.closed && !k.unsure {
			r.fatalf("I3: exchange %d is written again while it is in flight", k.n)
		}
		old.by = nil
	}
	if sent := k.writes - k.rejected; (sent > 1 || sent > 0 && !k.query) && !k.unsure {
		r.fatalf("I3: exchange %d is written again after %d times, of which %d were rejected", k.n, k.writes, k.rejected)
	}
	k.writes++
	k.last, l.by = l, k
	if len(l.id) == tridHead+1 && !k.query && len(k.own) <= 256 {
		r.kept[l.id] = k.own
	}
}

// rejects says whether what was heard on the line begins with an answer that says that its command
// was not executed.
func (l *line) rejects() bool { return l.rejection() != noRejection }

// rejection is as rejects. That the login is lost counts once for a command. Where the answer is held, it
// is a rejection if the poll behind it is refused.
func (l *line) rejection() rejection {
	payload, _ := cutUnit(l.heard)
	if l.asked != nil {
		payload := payloadOf(l.asked.heard)
		m, err := readJudged(payload)
		if code := brokenCode.FindSubmatch(payload); err != nil && code != nil { // as in compare
			m, err = &judged{code: string(code[1])}, nil
		}
		if err == nil && (withoutLogin(m.code) || m.rejects(false, "") == lostLogin) {
			return lostLogin
		}
		return noRejection
	}
	switch spoke(l.heard, l.wrote, l.id, l.named, rigResponse) {
	case heardUnsure:
		if l.by != nil {
			l.by.unsure = true
		}
	case heardAnswer, heardLast:
		m, err := readJudged(payload)
		if err != nil {
			break
		}
		if l.by != nil && m.code == "2200" { // a rejection where the session cannot be asked
			l.by.unsure = true
		}
		if r := m.rejects(l.r.a.cfg.Throttled != nil, l.wrote); r != lostLogin || l.by == nil || !l.by.lost {
			return r
		}
	}
	return noRejection
}

func payloadOf(heard []byte) []byte {
	payload, _ := cutUnit(heard)
	return payload
}

// withoutLogin says whether sessions that are not logged in get such a code.
func withoutLogin(code string) bool {
	return code == "2002" || code == "2200" || code == "2201" || code == "2202"
}

// Finish is Client's.
func (k *ask) Finish(x *Exchange, o Outcome) {
	r := k.r
	r.note("exchange %d ends: %v %v %d %q", k.n, o.End, o.Cause, o.Code, o.Unit)
	if x != k.x || k.over || k.cancelled {
		r.fatalf("I4: exchange %d: over %v, cancelled %v, and it ends", k.n, k.over, k.cancelled)
	}
	if got := x.OwnClTRID(); string(got) != k.own {
		r.fatalf("exchange %d: its own clTRID is %q, want %q", k.n, got, k.own)
	}
	l := k.last
	mine := l != nil && l.by == k
	switch o.End {
	case pool.EndAnswered:
		if !mine {
			r.fatalf("I1: exchange %d is answered out of nothing", k.n)
		}
		if v := spoke(l.heard, l.wrote, l.id, l.named, rigResponse); !v.answers() {
			r.fatalf("I1: exchange %d is answered out of %q (%d)", k.n, l.heard, v)
		}
		k.compare(l, o)
	case pool.EndNotSent, pool.EndUnknown:
		if mine && l.rejects() {
			k.rejected++
		}
		if sent := k.writes > k.rejected; sent != (o.End == pool.EndUnknown) && !k.unsure {
			r.fatalf("I4: exchange %d ends as %v, written %d times, rejected %d", k.n, o.End, k.writes, k.rejected)
		}
	}
	if k.over = true; mine {
		l.by = nil
	}
	if k.then > 200 {
		r.ask(k.then, 0)
	}
}

// compare compares the answer with what the registry sent.
func (k *ask) compare(l *line, o Outcome) {
	payload, _ := cutUnit(l.heard)
	m, err := readJudged(payload)
	if err != nil || refused(payload) {
		if code := brokenCode.FindSubmatch(payload); code != nil && fmt.Sprint(o.Code) != string(code[1]) {
			k.r.fatalf("exchange %d: code %d, want %s", k.n, o.Code, code[1])
		}
		return
	}
	if want := m.restored(payload, !k.bare, k.own, k.r.kept); !bytes.Equal(o.Unit, want) {
		k.r.fatalf("I11, I12: exchange %d gets\n%q\nwant\n%q", k.n, o.Unit, want)
	}
	if got := fmt.Sprint(o.Code); got != m.code {
		k.r.fatalf("exchange %d: code %s, want %s", k.n, got, m.code)
	}
}
