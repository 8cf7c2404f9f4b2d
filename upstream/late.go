package upstream

import "eppmux/frame"

// fillLate puts what x's Late returns in the place of its payload, with the same muxTRID. It is called when x is
// about to be written for the first time, so what is written and what the audit log has are the same. Where
// that is no check of the same kind, the payload stays.
//
// A suspect goes as it is: the session may end behind it, and what others ask must not be lost with it. So
// does any check where a limit counts its objects, which has admitted it as it is.
func (a *Account) fillLate(x *Exchange) {
	late := x.late
	x.late = nil
	if x.Suspect() || x.Command != frame.CommandCheck || x.muxTRIDAt == 0 || a.objects.counts() {
		return
	}
	payload := late()
	if payload == nil {
		return
	}
	m, err := a.calls.reader.Scan(payload)
	if err != nil || m.Command != frame.CommandCheck || !a.Query(m) ||
		string(m.Object) != x.object {
		a.log.Error("what was to be sent in place of a check is no such check; the check is sent",
			"command", x.Command.String(), "cltrid", shown(x.OwnClTRID()), "muxtrid", string(x.MuxTRID()))
		return
	}
	room := roomFor(m)
	buf := a.buffers.get(room)
	own := x.OwnClTRID()
	buf.B, x.muxTRIDAt = frame.AppendCommand(buf.B[:0], m, x.MuxTRID())
	x.unitLen = len(buf.B)
	buf.B = append(buf.B, own...)
	a.buffers.put(x.buf, x.room)
	x.buf, x.room = buf, room
	x.Author.Content = a.kinds.content(m)
}
