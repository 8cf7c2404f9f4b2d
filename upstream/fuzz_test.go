package upstream

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
)

// FuzzSession lets clients ask and a registry answer as a script says, rightly or not: whatever
// comes, no exchange ends other than once and truly, nothing but its own answer reaches a client,
// and a session that is out of step carries nothing more.
func FuzzSession(f *testing.F) {
	for _, s := range sessionScripts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newRig(t, script)
		r.check()
		for steps := 0; steps < 100 && len(r.script) > 0; steps++ {
			r.step()
			r.settle()
			r.check()
		}
		r.end()
	})
}

// The steps of a script, by their octet modulo numSteps.
const (
	stepAsk    = iota // form, what then
	stepAnswer        // line, in which pieces, message
	stepQueue         // line, message: it comes, and the account is not told yet
	stepTell          // line, in which pieces
	stepEnd           // line: the registry closes
	stepOver          // line: it closes, and the account is not told yet
	stepBreak         // line: writing fails
	stepLeave         // exchange: its client goes
	stepPass          // how long
	stepLeap          // the clocks differ
	stepMove          // the registry's address changes
	stepDrain
	stepOpen // how the next session is opened: 1: not at all, 2: by messages of the script
	numSteps
)

var passes = []time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 20 * time.Second, 59 * time.Second, 61 * time.Second, 5 * time.Minute, time.Hour}

func (r *rig) step() {
	switch step := r.next() % numSteps; step {
	case stepAsk:
		r.ask(r.next(), r.next())
	case stepAnswer, stepQueue, stepTell, stepEnd, stepOver, stepBreak:
		live := r.live()
		if len(live) == 0 {
			return
		}
		r.onLine(live[r.next()%len(live)], step)
	case stepLeave:
		if len(r.asks) == 0 {
			return
		}
		if k := r.asks[r.next()%len(r.asks)]; !k.over && !k.cancelled {
			r.note("client of exchange %d leaves", k.n)
			k.cancelled = true
			r.a.Cancel(k.x)
		}
	case stepPass:
		how := r.next()
		d := passes[how%len(passes)]
		r.note("%v pass", d)
		r.pass(d, how < 128)
	case stepLeap:
		r.note("the clocks differ")
		r.a.wallAhead -= time.Hour
		r.pass(time.Second, true)
	case stepMove:
		r.note("the registry moves")
		for _, l := range r.live() {
			l.old = true
		}
		cfg := r.a.cfg
		cfg.Address += "x"
		r.a.reload(cfg)
	case stepDrain:
		r.note("drain")
		r.a.drain(20 * time.Second)
	case stepOpen:
		r.opening = r.next()
	}
}

func (r *rig) onLine(l *line, step int) {
	switch step {
	case stepAnswer, stepQueue:
		piece := 0
		if step == stepAnswer {
			piece = r.next()
		}
		if !l.over {
			l.kernel = append(l.kernel, r.compose(l)...)
		}
		r.note("line %d: there is %q", l.n, l.kernel)
		if step == stepAnswer {
			l.tell(piece)
		}
	case stepTell:
		l.tell(r.next())
	case stepEnd:
		l.over = true
		l.tell(0)
	case stepOver:
		l.over = true
	case stepBreak:
		l.broken = true
	}
	r.note("step %d on line %d", step, l.n)
}

// The answers that a script can compose.
var (
	answerCodes = []string{"1000", "1001", "1300", "1301", "1500", "2001", "2002", "2201", "2303", "2400", "2500", "2501", "2502", "9999", "0999", "x"}
	answerTexts = []string{"ok", "Not logged in", "too fast; <![CDATA[session expired]]>", "é &lt; &#x4F8B;",
		"page\f1", "R&D &nbsp;", "a<b", "<epp:poll/>", "\xE9", "<result code='1000'>"}
	answerData = []string{"",
		`<resData><o:panData xmlns:o="urn:o"><o:name>a.example</o:name><o:paTRID><clTRID>%s</clTRID><svTRID>S</svTRID></o:paTRID></o:panData></resData>`,
		`<extension><o:x xmlns:o="urn:o"><o:paTRID><o:clTRID>%s</o:clTRID></o:paTRID><o:paTRID><clTRID>M0000000000000-old</clTRID></o:paTRID></o:x></extension>`,
		`<msgQ count="1" id="2"><qDate>x</qDate><msg><clTRID>%s</clTRID></msg></msgQ>`,
		`<trID><svTRID>S</svTRID></trID><!-- %s -->`,
		`<result code="2400"><msg>%s</msg></result>`,
		`<resData><clTRID>%s</clTRID><paTRID><clTRID/></paTRID><paTRID><clTRID> M0000000000000 </clTRID></paTRID></resData>`,
		`<resData>` + strings.Repeat("x", rigResponse) + `%s</resData>`,
		`<resData>` + strings.Repeat(`<paTRID><clTRID>%s</clTRID></paTRID>`, 60) + `</resData>`}
	answerIDs = []string{"<clTRID>%s</clTRID>", "<clTRID> %s\r\n</clTRID>", "<clTRID><![CDATA[%s]]></clTRID>", "<clTRID><!-- c -->%s</clTRID>",
		"<clTRID>%s<x/></clTRID>", "<clTRID>%s</clTRID><clTRID>x</clTRID>", "<x xmlns='urn:x'><clTRID>%s</clTRID></x>", "<clTRID x='y'>%s</clTRID>"}
	answerShells = []string{"%s", `<?xml version="1.0"?>%s`, "\xEF\xBB\xBF%s\n", "<!DOCTYPE epp>%s", "%s%s", "x%s", "%s\x00", "\n<?xml version='1.0'?>%s"}
)

// bent are the forms in which registries send back an id, here that of the command or the one before.
var bent = []func(id, past string) string{
	func(id, _ string) string { return strings.ToLower(id) },
	func(id, _ string) string { return id[:min(len(id), 10)] },
	func(id, _ string) string { return id + "-0000" },
	func(_, past string) string { return strings.ToLower(past) },
	func(_, past string) string { return past[:min(len(past), 10)] },
	func(string, string) string { return "UNKNOWN" },
}

// compose makes the octets of the registry's next message on a line: below 128 what is due, else
// what the script says.
func (r *rig) compose(l *line) []byte {
	how, id := 0, l.id
	if l.enrolled || l.odd {
		how = r.next()
	}
	if how < 128 {
		if l.stage == 1 && !l.enrolled || strings.Contains(l.wrote, "<hello/>") {
			return frame.AppendUnit(nil, []byte(epp(testGreeting)), nil)
		}
		return frame.AppendUnit(nil, []byte(response(1000, id)), nil)
	}
	switch by := r.next() % 8; by {
	case 1:
		id = ""
	case 2:
		id = l.past
	case 3:
		id = r.lines[r.next()%len(r.lines)].id
	case 4:
		id = "M0123456789ABC-C-1"
	case 5:
		id = "C-1"
	case 6:
		id = "<!---->"
	case 7:
		id = bent[r.next()%len(bent)](id, l.past)
	}
	var payload string
	switch how % 16 {
	default:
		payload = r.response(id)
	case 8:
		payload = epp(testGreeting)
	case 9:
		payload = epp("<hello/>")
	case 10:
		payload = checkCommand("<clTRID>" + id + "</clTRID>")
	case 11:
		payload = epp("<extension><x xmlns='urn:x'><clTRID>" + id + "</clTRID></x></extension>")
	case 12:
		payload = r.verbatim(id)
	case 13:
		return []byte(r.verbatim(id))
	case 14:
		return binary.BigEndian.AppendUint32(nil, []uint32{0, 1, 4, 5, 6, rigResponse + 4, rigResponse + 5, 1 << 31, 1<<32 - 1}[r.next()%9])
	}
	return r.bend(l, frame.AppendUnit(nil, []byte(payload), nil))
}

func (r *rig) response(id string) string {
	pick := func(all []string) string { return all[r.next()%len(all)] }
	code, text, data, trid := pick(answerCodes), pick(answerTexts), pick(answerData), pick(answerIDs)
	if id != "" {
		trid = strings.ReplaceAll(trid, "%s", id)
	} else {
		trid = ""
	}
	data = strings.ReplaceAll(data, "%s", id)
	payload := epp(`<response><result code="` + code + `"><msg>` + text + `</msg></result>` + data + `<trID>` + trid + `<svTRID>S</svTRID></trID></response>`)
	return strings.ReplaceAll(pick(answerShells), "%s", payload)
}

// verbatim takes octets from the script as they are; 1 stands for the id.
func (r *rig) verbatim(id string) string {
	n := min(r.next(), len(r.script))
	text := string(r.script[:n])
	r.script = r.script[n:]
	return strings.ReplaceAll(text, "\x01", id)
}

// bend changes a data unit, or puts another one behind it.
func (r *rig) bend(l *line, unit []byte) []byte {
	switch r.next() % 8 {
	case 1:
		return unit[:r.next()%len(unit)]
	case 2:
		return append(unit, unit...)
	case 3:
		return append(unit, byte(r.next()))
	case 4:
		binary.BigEndian.PutUint32(unit, uint32(len(unit)+1))
	case 5:
		binary.BigEndian.PutUint32(unit, uint32(len(unit)-1))
	case 6:
		unit[r.next()%len(unit)] = byte(r.next())
	case 7:
		return append(unit, r.compose(l)...)
	}
	return unit
}

// Parts of scripts: for each line, ask, answer and so on.
const (
	due      = 0   // the message that is due
	composed = 128 // a response as composed
)

var sessionScripts = [][]byte{
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 1, 250, stepAnswer, 0, 1, due, stepAnswer, 0, 9, due},
	{3, 0, stepAsk, 2, 0, stepAsk, 3, 0, stepAsk, 4, 0, stepAnswer, 1, 0, due, stepAnswer, 0, 0, due, stepAnswer, 1, 0, due},
	{3, 0, stepAsk, 4, 0, stepAsk, 5, 0, stepAnswer, 0, 0, composed, 3, 1, 0, 0, 1, 0, 0, 0},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 10, 0, 0, 0, 0, 0, stepPass, 0},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 6, 1, 0, 0, 0, 0, stepPass, 1, stepAnswer, 0, 0, due},
	{16, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 12, 0, 0, 0, 0, 0, stepPass, 1, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 0, 0, 0, 1, 0, 0, 2, stepPass, 1, stepAsk, 6, 0, stepAnswer, 0, 0, composed, 2, 0, 0, 0, 0, 0, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 3, composed, 1, 0, 0, 2, 0, 0, 1, 40, stepEnd, 0, stepPass, 1, stepAnswer, 0, 0, due},
	{0, 0, stepQueue, 0, due, stepAsk, 0, 0, stepTell, 0, 0, stepPass, 1, stepAnswer, 0, 0, due},
	{0, 0, stepOver, 0, stepAsk, 1, 0, stepPass, 1, stepBreak, 0, stepAsk, 3, 0},
	{4, 0, stepPass, 3, stepPass, 3, stepAnswer, 0, 0, due, stepAsk, 0, 0, stepAnswer, 0, 5, due},
	{12, 0, stepPass, 3, stepPass, 3, stepAnswer, 0, 0, due, stepAsk, 7, 0, stepAnswer, 0, 5, due, stepAsk, 8, 0, stepAnswer, 0, 0, due},
	{4, 0, stepLeap, stepAnswer, 0, 0, composed + 8, 0, 0, stepAsk, 0, 0, stepLeave, 0, stepAnswer, 0, 0, due},
	{35, 0, stepAsk, 0, 0, stepAnswer, 0, 0, due, stepAsk, 1, 0, stepAnswer, 0, 0, due, stepAsk, 1, 0, stepAnswer, 0, 0, due, stepAnswer, 0, 0, due},
	{64, 0, stepPass, 5, stepPass, 5, stepAnswer, 0, 0, due, stepMove, stepAnswer, 0, 0, due, stepDrain, stepAnswer, 0, 0, due},
	{0, 2, 0, 0, composed, 0, 4, 0, 0, 0, 0, 0, 0, stepPass, 1},
	{0, 0, stepOpen, 1, stepEnd, 0, stepPass, 1, stepOpen, 2, stepPass, 1, composed + 8, 2, 0},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed + 8, 0, 0, stepPass, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed + 9, 0, 0},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed + 10, 0, 0, stepPass, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed + 11, 0, 0},
	{0, 0, stepAsk, 7, 0, stepAnswer, 0, 0, composed, 4, 0, 0, 0, 0, 0, 0, stepPass, 0, stepAsk, 7, 0, stepAnswer, 0, 0, composed, 5, 0, 0, 0, 0, 0, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 0, 10, 0, 0, 0, 0, 0, stepAsk, 0, 0},
	{0, 2, due, 200, composed, 0, 7, 0, 0, 0, 0, 0, 200, stepPass, 7, stepAsk, 0, 0},
	{0, 2, due, 200, composed, 4, 0, 0, 0, 0, 0, 0, 200, stepPass, 7, stepAsk, 0, 0},
	{0, 2, due, 200, composed, 0, 0, 0, 0, 0, 0, 7, due, 200, stepPass, 7, stepAsk, 0, 0},
	{0, 0, stepAsk, 4, 0, stepAnswer, 0, 0, composed, 0, 6, 1, 0, 0, 0, 0, stepPass, 1, stepAnswer, 0, 0, composed, 0, 0, 0, 1, 0, 0, 0},
	{0, 0, stepAsk, 1, 0, stepOpen, 1, stepAnswer, 0, 0, composed, 0, 6, 1, 0, 0, 0, 0, stepOpen, 1, stepPass, 1, stepOpen, 1, stepPass, 2, stepOpen, 1, stepPass, 3},
	{0, 2, composed + 8, 0, 7, composed, 1, 0, 0, 0, 0, 0, 0, 200, due, 200, stepAsk, 1, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, due, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 1, 0, 0, 0, 0, 0, 0, stepPass, 1},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, due, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 1, 5, 0, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 9, 0, stepAnswer, 0, 0, composed, 0, 7, 1, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 7, 1, 0, 0, 0, 0, stepPass, 1, stepAnswer, 0, 0, composed, 0, 7, 1, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 7, 1, 0, 0, 0, 0, stepPass, 1, stepAnswer, 0, 0, composed, 0, 7, 5, 0, 0, 0, 0, stepAsk, 1, 0},
	{0, 0, stepAsk, 4, 0, stepAnswer, 0, 0, composed, 0, 0, 0, 8, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, due},
	{0, 0, stepAsk, 10, 0, stepAnswer, 0, 0, composed, 0, 0, 0, 1, 0, 0, 0, stepAsk, 5, 0, stepAnswer, 0, 0, composed, 0, 0, 0, 1, 0, 0, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 0, 0, 4, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 0, 11, 6, 1, 0, 6, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 0, 0, 9, 0, 0, 6, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 1, 7, 8, 0, 0, 7, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 7, 0, 0, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 7, 3, 0, 0, 0, 0, 0},
	{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed, 7, 1, 0, 0, 0, 0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed, 7, 4, 0, 0, 0, 0, 0},
	append([]byte{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed + 12, 0, 98}, epp("<response><result code='1000'/><trID><clTRID>\x01</clTRID></trID></response>")...),
	append([]byte{0, 0, stepAsk, 0, 0, stepAnswer, 0, 0, composed + 13, 0, 14}, "HTTP/1.1 200 OK"...),
	{0, 0, stepAsk, 1, 0, stepAnswer, 0, 0, composed + 14, 0, 6},
}
