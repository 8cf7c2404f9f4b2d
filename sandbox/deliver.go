package sandbox

// deliver lets the delays of an answer pass, shows it to counters and Observe, and writes it. It
// returns why the session ends, empty if it goes on.
func (s *session) deliver(ex *exchange) string {
	a := &ex.answer
	b := s.compose(ex)
	if a.code != 0 {
		a.delay += s.r.cfg.Latency
	}
	if !s.pause(a.delay) {
		return registryClosed
	}
	ahead := ex.in.end > 0 && s.overtaken(ex.in.end)
	if ahead && s.r.cfg.Rules.OneFramePerRead {
		a.fate = fateHangup
	}
	s.report(ex, b, ahead)
	return s.send(ex, b)
}

// compose makes the data unit of an answer. An answer without a code is a greeting. The octets are
// valid until the session's next call of compose.
func (s *session) compose(ex *exchange) []byte {
	b := beginFrame(s.out)
	if ex.answer.code == 0 {
		b = appendGreeting(b, s.r.cfg.ServerID, s.r.cfg.Extensions, s.r.cfg.Now())
	} else {
		b = appendResponse(b, ex.answer, s.idFor(ex), s.ownID(ex))
	}
	b = s.r.cfg.Quirks.dress(b, ex.answer.code)
	endFrame(b)
	if s.out = b; cap(b) > 64<<10 {
		s.out = nil
	}
	return b
}

// report shows an exchange to counters, Observe and the log. b is its data unit. ahead: more octets
// came in before the answer.
func (s *session) report(ex *exchange, b []byte, ahead bool) {
	a := &ex.answer
	code, written, fault := a.code, b[headerLen:], ""
	if a.fate != fateWritten {
		written = nil
		if !ex.executed {
			code = 0
		}
	}
	if ex.play != nil {
		fault = ex.play.Kind.String()
	}
	s.r.tally.exchange(ex, ahead)
	if s.r.cfg.Observe != nil && ex.in.err == nil {
		s.r.cfg.Observe(Frame{Session: s.id, Account: s.who(), Payload: ex.in.payload, Answer: written, Code: code,
			Executed: ex.executed, Fault: fault, At: s.r.cfg.Now()})
	}
	s.r.cfg.Logger.Debug("answered", "session", s.id, "account", s.who(), "command", ex.req.name(),
		"cltrid", ex.req.clTRID, "svtrid", ex.svTRID, "code", code, "fault", fault)
}

// send writes an answer, unless its fate or a fault wants something else. It returns why the
// session ends, empty if it goes on.
func (s *session) send(ex *exchange, b []byte) string {
	a := &ex.answer
	switch a.fate {
	case fateWithheld:
		return ""
	case fateHangup:
		if ex.play != nil && (ex.play.Kind == Reset || ex.play.Kind == ResetBefore) {
			s.release(slotFree)
			s.cut()
		}
		return "closed without an answer"
	}
	if a.ends {
		// The client may log in again as soon as it has read the answer.
		s.release(slotFree)
	}
	reason, written := s.perform(ex, b)
	if reason != "" {
		return reason
	}
	if !written && s.write(b) != nil {
		return clientClosed
	}
	if a.ends && !s.mute {
		return "answered " + codeText(a.code)
	}
	return ""
}

// overtaken reports whether octets have come in behind the message that ended at end.
func (s *session) overtaken(end uint64) bool {
	return s.reader.received.Load() > end || s.waiting()
}

// write sends a data unit in one Write, unless Quirks cut it into pieces.
func (s *session) write(b []byte) error {
	endFrame(b)
	for piece := range s.r.cfg.Quirks.pieces(b) {
		if _, err := s.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// greeting returns the data unit of a greeting.
func (s *session) greeting() []byte {
	b := appendGreeting(beginFrame(nil), s.r.cfg.ServerID, s.r.cfg.Extensions, s.r.cfg.Now())
	b = s.r.cfg.Quirks.dress(b, 0)
	endFrame(b)
	return b
}
