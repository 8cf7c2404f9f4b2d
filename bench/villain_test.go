package main

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// mark stands in all that a hostile registry sends which no client may see.
const mark = "HOSTILE"

// villain is a kind of registry that means harm.
type villain struct {
	name   string
	play   func(*villainSession)
	counts string        // a metric of eppmux that must grow by it, with %s for its name in the config
	asks   int           // octets of its client's commands, nearly; 0: few
	serves bool          // its client is to get answers, in spite of it
	pause  time.Duration // of its client between two commands; 0: victimPause
}

// label is the villain's name in the config; each round has others, so that all begin anew.
func (v *villain) label(round int) string { return fmt.Sprintf("%s-%d", v.name, round) }

// counted is its metric, in that round.
func (v *villain) counted(round int) string { return fmt.Sprintf(v.counts, v.label(round)) }

const (
	loginsFailed = `eppmux_logins_total{registry="%s",result="failed"}`
	loginsOK     = `eppmux_logins_total{registry="%s",result="ok"}`
	desync       = `eppmux_desync_total{reason="REASON",registry="%s"}`
	sessionEnds  = `eppmux_session_closes_total{reason="REASON",registry="%s"}`
)

func forReason(metric, reason string) string { return strings.Replace(metric, "REASON", reason, 1) }

// villains are all that there are. A name has no blanks: it is that in the config too.
func villains() []*villain {
	return []*villain{
		{name: "slow-greeting", counts: loginsOK, serves: true, play: func(s *villainSession) {
			s.handshake()
			s.dribble(unit(greetingPayload("slow")), 200*time.Microsecond)
			s.login()
			s.serve()
		}},
		{name: "endless-greeting", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.dribble(unit(greetingPayload(strings.Repeat(mark, 1000))), 20*time.Millisecond)
		}},
		{name: "huge-greeting", counts: loginsOK, play: func(s *villainSession) {
			s.handshake()
			s.write(unit(greetingPayload(strings.Repeat(mark, 4_000_000/len(mark)))))
			s.login()
			s.serve()
		}},
		{name: "doctype", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.write(unit(`<!DOCTYPE epp [<!ENTITY a "` + mark + `">]>` + greetingPayload("&a;")))
			s.wait()
		}},
		{name: "garbage-behind-greeting", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.write(append(unit(greetingPayload("g")), unit(mark)...))
			s.wait()
		}},
		{name: "endless-frame", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.write([]byte{0x7f, 0xff, 0xff, 0xff})
			s.flood([]byte(mark))
		}},
		{name: "short-header", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			b := unit(greetingPayload(mark))
			binary.BigEndian.PutUint32(b, uint32(len(b)-5))
			s.write(b)
			s.wait()
		}},
		{name: "long-header", counts: forReason(sessionEnds, "command_timeout"), play: func(s *villainSession) {
			s.handshake()
			s.write(unit(greetingPayload("l")))
			s.login()
			s.answer(func(id string) []byte {
				b := unit(answerPayload(id, mark))
				binary.BigEndian.PutUint32(b, uint32(len(b)+5))
				return b
			})
		}},
		{name: "unasked-flood", counts: forReason(desync, "unasked"), pause: 20 * victimPause, play: func(s *villainSession) {
			s.begin()
			id := s.read()
			s.write(unit(answerPayload(id, ""))) // its client pauses for long: nothing is in flight
			// An id of nobody would be taken for the answer if the machine is slow and the next command is.
			s.flood(unit(answerPayload(other(id), mark)))
		}},
		{name: "answers-and-more", counts: forReason(desync, "unasked"), play: func(s *villainSession) {
			s.begin()
			s.answer(func(id string) []byte { return append(unit(answerPayload(id, "")), unit(answerPayload(id, mark))...) })
		}},
		{name: "records-of-one-octet", counts: loginsOK, serves: true, play: func(s *villainSession) {
			s.begin()
			for s.err == nil {
				s.dribble(unit(answerPayload(s.read(), "")), 0)
			}
		}},
		{name: "wrong-cltrids", counts: forReason(desync, "mismatch"), play: func(s *villainSession) {
			s.begin()
			s.answer(func(id string) []byte { return unit(answerPayload(other(id), mark)) })
		}},
		{name: "not-xml", counts: forReason(desync, "frame"), play: func(s *villainSession) {
			s.begin()
			s.answer(func(string) []byte { return unit(mark) })
		}},
		{name: "anothers-patrid", counts: loginsOK, serves: true, play: func(s *villainSession) {
			s.begin()
			last := "M0123456789ABC-OTHERS"
			s.answer(func(id string) []byte {
				b := unit(strings.Replace(answerPayload(id, ""), "<trID>", `<resData><panData xmlns="urn:ietf:params:xml:ns:domain-1.0"><paTRID>`+
					`<clTRID xmlns="urn:ietf:params:xml:ns:epp-1.0">`+last+`</clTRID></paTRID></panData></resData><trID>`, 1))
				last = id
				return b
			})
		}},
		{name: "closes-at-accept", counts: loginsFailed, play: func(s *villainSession) { s.reset() }},
		{name: "silent-at-accept", counts: loginsFailed, play: (*villainSession).wait},
		{name: "silent-after-tls", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.wait()
		}},
		{name: "silent-at-login", counts: loginsFailed, play: func(s *villainSession) {
			s.handshake()
			s.write(unit(greetingPayload("s")))
			s.wait()
		}},
		{name: "never-reads", asks: 200_000, counts: forReason(sessionEnds, "command_timeout"), play: func(s *villainSession) {
			s.begin()
			select {} // as long as the process is there
		}},
		{name: "huge-answers", counts: loginsOK, serves: true, pause: 4 * victimPause, play: func(s *villainSession) {
			s.begin()
			filler := strings.Repeat("a", 4_000_000)
			s.answer(func(id string) []byte { return unit(answerPayload(id, filler)) })
		}},
		{name: "alert", counts: forReason(desync, "frame"), play: func(s *villainSession) {
			s.begin()
			s.read()
			_, _ = s.nc.Write([]byte{21, 3, 3, 0, 2, 2, 40})
			s.wait()
		}},
		{name: "key-updates", counts: forReason(desync, "frame"), play: (*villainSession).keyUpdates},
		{name: "other-certificate", counts: loginsFailed, serves: true, play: func(s *villainSession) {
			if s.n%2 == 1 {
				s.with = s.host.wrong
			}
			s.begin()
			for range 3 {
				s.write(unit(answerPayload(s.read(), "")))
			}
			s.nc.Close()
		}},
	}
}

func greetingPayload(id string) string {
	return openEPP + `<greeting><svID>` + id + `</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcMenu></greeting></epp>`
}

func answerPayload(id, text string) string {
	return openEPP + `<response><result code="1000"><msg>` + text + `</msg></result><trID><clTRID>` + id + `</clTRID><svTRID>S-1</svTRID></trID></response></epp>`
}

// other is the id of another command: id with its time a little earlier, as eppmux makes them.
func other(id string) string {
	const at = 5 // among the 13 characters behind the M
	c := byte('0')
	if id[at] == c {
		c = '1'
	}
	return id[:at] + string(c) + id[at+1:]
}
