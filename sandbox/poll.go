package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// message is one entry of an account's queue.
type message struct {
	id      string
	date    time.Time
	text    string
	resData string // XML: its children, may be empty
}

// notify queues a message for an account. It drops messages for unknown accounts.
func (st *store) notify(client, text, resData string, now time.Time) {
	if _, ok := st.cfg.Accounts[client]; !ok {
		return
	}
	st.serial++
	st.queues[client] = append(st.queues[client], message{strconv.FormatUint(st.serial, 10), now, text, resData})
}

// head returns the number of messages that wait for an account, and the id of the first; nil if
// there are none.
func (st *store) head(client string) *queueHead {
	st.mu.Lock()
	defer st.mu.Unlock()
	return headOf(st.queues[client])
}

func headOf(q []message) *queueHead {
	if len(q) == 0 {
		return nil
	}
	return &queueHead{count: len(q), id: q[0].id}
}

// poll serves the command of RFC 5730 section 2.9.2.3.
func (st *store) poll(req *request, client string, now time.Time) answer {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.catchUp(now)
	q := st.queues[client]
	if req.op == "req" {
		if len(q) == 0 {
			return answer{code: codeNoMessages}
		}
		h := headOf(q)
		h.date, h.text = q[0].date, q[0].text
		return answer{code: codeMessage, resData: q[0].resData, queue: h}
	}
	id, ok := req.what.attr("msgID")
	if !ok {
		return refuse(codeMissing, "msgID")
	}
	i := slices.IndexFunc(q, func(m message) bool { return m.id == id })
	if i < 0 {
		return refuse(codeNotFound, "no message "+id)
	}
	st.queues[client] = slices.Delete(q, i, i+1)
	a := done("")
	a.queue = headOf(st.queues[client])
	return a
}
