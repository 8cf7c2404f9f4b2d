package proxy

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// FuzzClient sends what a client may send, in the pieces that cuts says, to a server whose registry
// does what acts says. The answers are held against a model that reads the frames by itself, and
// against those to the same octets at once.
func FuzzClient(f *testing.F) {
	for _, s := range clientScripts {
		f.Add(s.mode, s.frames, s.cuts, s.acts)
	}
	f.Fuzz(func(t *testing.T, mode byte, frames, cuts, acts []byte) {
		octets := clientOctets(frames)
		whole := talk(t, mode, octets, nil, acts)
		parts := talk(t, mode, octets, cuts, acts)
		if mode&(modeTight|modeMemory) == 0 && !parts.like(whole) {
			// with these it matters what is answered when octets come
			t.Fatalf("%q\nin pieces: %q, %v\nat once:   %q, %v", octets, parts.answers, parts.reason, whole.answers, whole.reason)
		}
		for _, h := range []*talked{whole, parts} {
			m := model{t: t, talked: h, mode: mode, acts: acts}
			if mode&modeRefuse == 0 {
				m.scanner.Charset = charset
			}
			m.hold(octets)
		}
	})
}

// The modes of a server, by bit.
const (
	modeFail    = 1 << iota // unknown_outcome: fail
	modeEnforce             // services: enforce
	modeAllow               // the listener allows check and delete only
	modeTight               // max_ahead is small
	modeMemory              // MaxMemory is small
	modeLate                // in pieces: the greeting is learnt behind all octets
	modeRefuse              // encodings: refuse
)

const (
	fuzzFrame = 3000 // MaxFrame
	fuzzTight = 4000 // MaxAhead, with modeTight
)

// talked is what came of a client's octets.
type talked struct {
	answers  []string // payloads, without what differs from run to run
	passed   [][]byte
	nameless map[int]bool // see rig
	reason   closeReason
	open     bool // until the client closed
	stuck    bool // its command was not answered
}

var ownSvTRID = regexp.MustCompile(`eppmux-[0-9a-f]{14}-|<svDate>[^<]*</svDate>|sent as M[0-9A-Z]{13}`)

// talk lets a client send octets in pieces: an octet of cuts is the size of the next one, less by
// 128 and with the registry answering behind it from 128 on; 0 is all that is left, and 127 makes
// the client slow to read, or quick again.
func talk(t *testing.T, mode byte, octets, cuts, acts []byte) *talked {
	cfg := Config{MaxFrame: fuzzFrame}
	if mode&modeFail != 0 {
		cfg.UnknownOutcome = UnknownFail
	}
	if mode&modeEnforce != 0 {
		cfg.Services = ServicesEnforce
	}
	if mode&modeRefuse != 0 {
		cfg.Encodings = EncodingsRefuse
	}
	if mode&modeTight != 0 {
		cfg.MaxAhead = fuzzTight
	}
	if mode&modeMemory != 0 {
		cfg.MaxMemory = fuzzTight
	}
	var commands *pool.CommandSet
	if mode&modeAllow != 0 {
		set := allowed()
		commands = &set
	}
	r := newRig(t, cfg, acts)
	late := mode&modeLate != 0 && cuts != nil
	if !late {
		r.s.account.Start()
		r.settle()
	}
	r.connect(commands)
	for pauses := 0; len(octets) > 0 && r.stream.closes == 0; {
		cut := 0
		if len(cuts) > 0 {
			cut, cuts = int(cuts[0]), cuts[1:]
		}
		switch n := min(cut&127, len(octets)); {
		case cut&127 == 127 && r.stream.slow == 0:
			r.stream.slow, r.stream.wasSlow = len(r.stream.out), true
		case cut&127 == 127:
			r.stream.slow = 0
			if pauses++; pauses < 100 { // far less than a frame may take
				r.pass(writeRecheck)
			}
		default:
			if n == 0 {
				n = len(octets)
			}
			r.stream.in = append(r.stream.in, octets[:n]...)
			octets = octets[n:]
			r.c.Readable()
		}
		if cut >= 128 && !late {
			r.settle()
		}
		r.check()
	}
	if late {
		r.s.account.Start()
	}
	r.settle()
	for r.stream.slow = 0; r.c.state == clientServed && r.c.stalled > 0 || r.c.state == clientLingering && !r.stream.shut; {
		r.pass(writeRecheck)
	}
	return r.finish()
}

func allowed() pool.CommandSet {
	return pool.Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck || c == frame.CommandDelete })
}

// check holds what is kept for the client against the bounds.
func (r *rig) check() {
	bound := r.s.cfg.MaxAhead
	if r.c.state >= clientLingering {
		bound = 0
	}
	if n := r.stream.buffered(); n > bound && r.c.state != clientClosed {
		r.t.Fatalf("I10: %d octets are held ahead in state %d", n, r.c.state)
	}
	want := r.stream.buffered()
	if r.c.x != nil {
		want += r.c.x.Octets()
	}
	if r.s.memory != want && !r.stream.wasSlow && r.c.state != clientClosed {
		r.t.Fatalf("I10: counted %d octets, %d are held", r.s.memory, want)
	}
	checkBooks(r.t, r.s)
}

// finish ends the connection and checks that nothing is left of it.
func (r *rig) finish() *talked {
	t, h := r.t, &talked{passed: r.passed, nameless: r.nameless, open: r.c.state == clientServed, stuck: r.c.x != nil}
	partial := r.c.partial > 0 && r.c.x == nil && h.open
	before := len(r.stream.out)
	switch {
	case r.c.state == clientLingering:
		r.stream.in = append(r.stream.in, unit(check("late.example", "L-1"))...)
		r.c.Readable()
		r.settle()
		if r.stream.buffered() > 0 || !r.stream.shut {
			t.Fatalf("lingers with %d octets, its side closed: %v", r.stream.buffered(), r.stream.shut)
		}
		if r.pass(2 * lingerTimeout); r.stream.closes != 1 {
			t.Fatal("lingers without end")
		}
	case partial:
		if r.pass(31 * time.Second); r.s.counts.Closes[closedSlowFrame] != 1 {
			t.Fatal("half a frame is waited for without end")
		}
	case r.stream.closes == 0:
		r.c.Closed(nil)
		r.settle()
	}
	if r.s.memory != 0 || r.s.nclients != 0 || r.s.clients != nil || r.s.connections.Load() != 0 || len(r.s.shares)+len(r.s.identities) != 0 || r.s.timers.heap.Len() != 0 || r.stream.closes != 1 {
		t.Fatalf("I10: left: %d octets, %d clients, %d timers; closed %d times", r.s.memory, r.s.nclients, r.s.timers.heap.Len(), r.stream.closes)
	}
	if len(r.stream.out) != before {
		t.Fatalf("wrote %q behind the end", r.stream.out[before:])
	}
	closes := 0
	for reason, n := range r.s.counts.Closes {
		if n > 0 {
			h.reason = closeReason(reason)
			closes += int(n)
		}
	}
	if closes != 1 {
		t.Fatalf("counted %d ends: %v", closes, r.s.counts.Closes)
	}
	for b := r.stream.out; len(b) > 0; {
		n := int(binary.BigEndian.Uint32(b))
		h.answers = append(h.answers, ownSvTRID.ReplaceAllString(string(b[4:n]), ""))
		b = b[n:]
	}
	r.close()
	return h
}

// like says whether two talks are the same, but for our ids. Where a command waits for a session
// until the end, which is a matter of time, the other may have come further.
func (h *talked) like(with *talked) bool {
	if len(h.nameless)+len(with.nameless) > 0 { // which session a command is on is a matter of time
		return true
	}
	answers, passed := len(h.answers), len(h.passed)
	if h.stuck || with.stuck {
		answers, passed = min(answers, len(with.answers)), min(passed, len(with.passed))
	} else if len(with.answers) != answers || len(with.passed) != passed || with.reason != h.reason {
		return false
	}
	return slices.Equal(h.answers[:answers], with.answers[:answers]) &&
		slices.EqualFunc(h.passed[:passed], with.passed[:passed], func(x, y []byte) bool {
			return len(x) == len(y) && bytes.Equal(muxForm.ReplaceAll(x, nil), muxForm.ReplaceAll(y, nil))
		})
}

// clientFrames are what a client may send, by an octet of frames modulo their number, behind which
// come one for verbatim octets with their number before them, in a frame and without one.
var clientFrames = []string{
	string(unit(check("a.example", "C-1"))),
	string(unit(check("b.example", ""))),
	string(unit(command(`<delete><d:delete xmlns:d="urn:d"><d:name>c.example</d:name></d:delete></delete>`, "C-2"))),
	string(unit(command(`<info><d:info xmlns:d="urn:d"><d:name>d.example</d:name></d:info></info>`, " a&#x20;<![CDATA[<b>]]><!-- c -->"))),
	string(unit(eppOpen + "<hello/></epp>")),
	string(unit(command("<hello/>", "C-3"))),
	string(unit(login("C-4"))),
	string(unit(command(`<login><clID>a</clID><pw>b</pw><newPW>c</newPW></login>`, "C-5"))),
	string(unit(command(`<login><clID>a</clID><pw>b</pw><svcs><objURI>urn:x</objURI></svcs></login>`, "C-6"))),
	string(unit(command("<logout/>", "C-7"))),
	string(unit(command(`<poll op="req"/>`, strings.Repeat("long-", 30)))),
	string(unit(`<q:epp xmlns:q="urn:q"><q:command><q:renew><r xmlns="urn:r">e.example</r></q:renew></q:command></q:epp>`)),
	string(unit(eppOpen + `<extension><x xmlns="urn:x"><name>f.example</name></x></extension></epp>`)),
	string(unit(eppOpen + `<extension><x xmlns="urn:x"><name>M0123456789ABC</name><clTRID>C-8</clTRID></x></extension></epp>`)),
	string(unit(eppOpen + `<response><result code="1000"/></response></epp>`)),
	string(unit("<!DOCTYPE epp>" + check("g.example", "C-9"))),
	string(unit(command("<check/><check/>", "C-10"))),
	string(unit(command(`<extension/>`, "C-11"))),
	string(unit("x")),
	string(unit(check(strings.Repeat("h", 2500), "C-12"))),
	string(unit(check(strings.Repeat("h", fuzzFrame), "C-13"))),
	"\x00\x00\x00\x00", "\x00\x00\x00\x04", "\x00\x00\x00\x05", "\x00\x00\x0B\xBC", "\x00\x00\x0B\xBD", "\xFF\xFF\xFF\xFF",
}

// clientOctets are the octets that a script of frames stands for; 40 frames at most.
func clientOctets(frames []byte) (octets []byte) {
	for n := 0; len(frames) > 0 && n < 40; n++ {
		kind := int(frames[0]) % (len(clientFrames) + 2)
		frames = frames[1:]
		if kind < len(clientFrames) {
			octets = append(octets, clientFrames[kind]...)
			continue
		}
		size := 0
		if len(frames) > 0 {
			size, frames = min(int(frames[0]), len(frames)-1), frames[1:]
		}
		if kind == len(clientFrames) {
			octets = binary.BigEndian.AppendUint32(octets, uint32(size+4))
		}
		octets, frames = append(octets, frames[:size]...), frames[size:]
	}
	return octets
}

var clientScripts = []struct {
	mode               byte
	frames, cuts, acts []byte
}{
	{0, []byte{0, 1, 2, 3, 4, 5, 6, 9, 0}, []byte{1, 1, 1, 1, 1, 126, 128}, nil},
	{0, []byte{6, 6, 0, 7, 8, 4}, []byte{60, 188, 0}, nil},
	{modeEnforce, []byte{7, 8, 8, 0}, []byte{60, 188, 0}, nil},
	{0, []byte{18, 15, 0, 16, 17, 14, 0}, []byte{5, 127, 190, 127, 0}, nil},
	{0, []byte{4, 4, 4, 0, 4}, []byte{5, 127, 0}, nil},
	{modeAllow, []byte{0, 2, 3, 10, 11, 12, 13}, []byte{200, 200, 200}, nil},
	{0, []byte{10, 11, 12, 13, 10}, []byte{100, 200}, []byte{actNoID, actNoID, actAnswer, actNoID, actCode}},
	{0, []byte{0, 3, 2, 0}, []byte{100, 200, 127, 127}, []byte{actClose, actOther, actOther, actOther}},
	{modeFail, []byte{0, 2, 2, 0}, []byte{100, 200}, []byte{actClose, actAnswer, actClose}},
	{modeLate, []byte{0, 2, 9}, []byte{50, 0}, []byte{actSilent}},
	{0, []byte{19, 20, 0}, []byte{3, 3, 0}, nil},
	{modeTight, []byte{0, 19, 19, 0}, []byte{0}, nil},
	{modeMemory, []byte{19, 19, 0, 4}, []byte{100, 228, 0}, nil},
	{0, []byte{0, 21}, []byte{0}, nil}, {0, []byte{0, 22}, []byte{0}, nil}, {0, []byte{0, 24, 0}, []byte{0}, nil}, {0, []byte{0, 25, 0}, []byte{0}, nil}, {0, []byte{0, 26}, []byte{1}, nil},
	{0, append([]byte{0, 27, 50}, "<epp xmlns='urn:ietf:params:xml:ns:epp-1.0'><hello/></epp>"...), []byte{200}, nil},
	{0, verbatim(`<epp><command><frobnicate/><clTRID>C-1</clTRID></command></epp>`), []byte{50, 200}, nil},
	{modeAllow, verbatim(`<epp><command><v:x xmlns:v="` + echoExtension + `"/></command></epp>`), []byte{50, 200}, nil},
	{0, verbatim(`<epp><command><v:x xmlns:v="` + echoExtension + `"/></command></epp>`), []byte{50, 200}, nil},
	{0, verbatim("<?xml version='1.0' encoding='latin1'?><epp><command><check><d:c xmlns:d='u'>\xEB</d:c></check><clTRID>\xEB1</clTRID></command></epp>"), []byte{50, 200}, nil},
	{0, append([]byte{0, 28, 16}, "GET / HTTP/1.1\r\n"...), []byte{200}, nil},
}

// verbatim is a script of one payload as it is, between two checks.
func verbatim(payload string) []byte {
	return slices.Concat([]byte{0, 27, byte(len(payload))}, []byte(payload), []byte{0})
}
