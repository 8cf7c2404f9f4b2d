package upstream

import (
	"strconv"

	"eppmux/admin/metric"
	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Metrics shows the metrics of accounts. It implements prometheus.Collector.
type Metrics = metric.Collector[*Account, Snapshot]

// NewMetrics returns the metrics of the accounts that a function names at each scrape. All of them
// have been started. before is the number of transforms of unknown outcome that earlier processes
// have left at a registry: the counter of these begins there. It is called by several goroutines.
func NewMetrics(accounts func() []*Account, before func(registry string) uint64) *Metrics {
	return metric.NewCollector(metrics, accounts, (*Account).Name, func(a *Account) *Snapshot {
		s := a.Look()
		if s != nil {
			s.Unknown += before(a.Name())
		}
		return s
	})
}

// MetricDocs describes the metrics for the docs.
func MetricDocs() []metric.Doc { return metrics.Docs() }

// metrics are all metrics of an account.
var metrics = metric.NewTable([]string{"registry"}, commandMetrics, sessionMetrics, limitMetrics)

var commandMetrics = metric.Group[Snapshot]{Name: "commands", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_commands_total", Kind: metric.Counter, Labels: []string{"command", "code"},
		Help: "Commands answered by the registry.",
		Each: func(s *Snapshot, e metric.Emit) {
			for cmd := range commands {
				for i, n := range s.Commands[cmd] {
					if n > 0 {
						e.Value(float64(n), cmd.String(), codeLabel(i))
					}
				}
			}
		},
	}, {
		Name: "eppmux_outcomes_total", Kind: metric.Counter, Labels: []string{"command", "outcome"},
		Help: "How commands ended: answered, not_sent (safe to retry), unknown (may have been executed), " +
			"orphan (answered after its client had left), dropped (its client left while it waited).",
		When: "`unknown` grows: commands were sent and have no answer (a query that was repeated in vain too). " +
			"`not_sent` grows: clients get 2400; look at the queue, the sessions and the limits. " +
			"`orphan` grows: clients give up before the registry answers. " +
			"`dropped` grows: clients give up while their commands wait; those were not sent, and nobody was told " +
			"anything",
		Each: func(s *Snapshot, e metric.Emit) {
			for cmd := range commands {
				for i, n := range s.Outcomes[cmd] { // from the start, so that the first one is an increase
					e.Value(float64(n), cmd.String(), outcomeLabel(i))
				}
			}
		},
	}, {
		Name: "eppmux_unknown_transforms_total", Kind: metric.Counter,
		Help: "Transforms that were sent and have no answer: may have been executed. " +
			"It begins with those of earlier processes that the audit log has and nobody has resolved.",
		When:  "it grows: [find out](runbook.md#find-out-what-became-of-a-command) what became of them",
		Value: func(s *Snapshot) float64 { return float64(s.Unknown) },
	}, {
		Name: "eppmux_command_wait_seconds", Kind: metric.Histogram, Labels: []string{"class"},
		Help: "Time of commands in the queue.",
		Each: func(s *Snapshot, e metric.Emit) { byClass(&s.Wait, e) },
	}, {
		Name: "eppmux_command_rtt_seconds", Kind: metric.Histogram, Labels: []string{"class"},
		Help: "Time from writing a command to its answer; without that for which eppmux held the answer.",
		Each: func(s *Snapshot, e metric.Emit) { byClass(&s.RTT, e) },
	}, {
		Name: "eppmux_queue_length", Kind: metric.Gauge,
		Help:  "Commands that wait for a session or a limit.",
		When:  "it stays up: more comes than the sessions carry or the limits admit",
		Value: func(s *Snapshot) float64 { return float64(s.Queued) },
	}, {
		Name: "eppmux_queue_blamed", Kind: metric.Gauge,
		Help:  "Commands of eppmux_queue_length that are held back since sessions ended behind commands like them.",
		When:  "it stays up: as with `eppmux_blamed_total`",
		Value: func(s *Snapshot) float64 { return float64(s.Gated) },
	}, {
		Name: "eppmux_queue_oldest_seconds", Kind: metric.Gauge,
		Help:  "Wait so far of the command that has waited longest.",
		When:  "it stays up: as with `eppmux_queue_length`",
		Value: func(s *Snapshot) float64 { return s.Oldest.Seconds() },
	}, {
		Name: "eppmux_remembered_cltrid_bytes", Kind: metric.Gauge,
		Help: "Octets of long clTRIDs of transforms that are remembered, so that poll messages about them get " +
			"them back.",
		When:  "it stays at its highest, 4.4 MB: the oldest are forgotten; clients should send at most 49 characters",
		Value: func(s *Snapshot) float64 { return float64(s.Remembered) },
	},
}}

var sessionMetrics = metric.Group[Snapshot]{Name: "sessions", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_sessions", Kind: metric.Gauge, Labels: []string{"state"},
		Help: "Sessions with the registry.",
		When: "`backoff` is 1: a session is wanted and held back",
		Each: func(s *Snapshot, e metric.Emit) {
			for _, st := range shownStates {
				e.Value(float64(s.Sessions[st]), st.String())
			}
			e.Value(metric.OneIf(s.Backoff), "backoff")
		},
	}, {
		Name: "eppmux_sessions_max", Kind: metric.Gauge,
		Help: "Sessions that may be open now: sessions.max, or less while the registry refuses more.",
		When: "it is below `sessions.max`: the registry answers 2502 to logins, since somebody else uses the " +
			"account or it still counts sessions that have ended",
		Value: func(s *Snapshot) float64 { return float64(s.Max) },
	}, {
		Name: "eppmux_logins_total", Kind: metric.Counter, Labels: []string{"result"},
		Help: "Attempts to open a session.",
		When: "`refused`: the registry does not take the credentials; the next attempt is 15 to 23 minutes later",
		Each: func(s *Snapshot, e metric.Emit) {
			for i, n := range s.Logins {
				e.Value(float64(n), LoginResult(i).String())
			}
		},
	}, {
		Name: "eppmux_session_closes_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Sessions that ended.",
		When: "[it grows](runbook.md#a-session-ends-again-and-again)",
		Each: func(s *Snapshot, e metric.Emit) { byCause(&s.SessionCloses, pool.SessionCauses, e) },
	}, {
		Name: "eppmux_blamed_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Sessions that ended behind a client's command, so that commands like it are held back: " +
			"from the second in a row on, or without an answer in time.",
		When: "[it grows](runbook.md#a-client-ends-sessions): `eppmux status` and the log name the client and the command",
		Each: func(s *Snapshot, e metric.Emit) { byCause(&s.Blamed, pool.BlameCauses, e) },
	}, {
		Name: "eppmux_answers_held_total", Kind: metric.Counter,
		Help: "Answers 2002, 2200, 2201 or 2202 that were held until a poll of our own had shown whether their " +
			"session is logged in.",
		When:  "it grows fast: a client often gets such answers, and each may cost a poll; look which, in the audit log",
		Value: func(s *Snapshot) float64 { return float64(s.Held) },
	}, {
		Name: "eppmux_desync_total", Kind: metric.Counter, Labels: []string{"reason"},
		Help: "Sessions closed because octets came that do not belong where they came.",
		When: "it is not 0: the registry sent them, and no client got them; tell the registry",
		Each: func(s *Snapshot, e metric.Emit) { byCause(&s.Desync, pool.DesyncCauses, e) },
	}, {
		Name: "eppmux_poll_queue_messages", Kind: metric.Gauge,
		Help: "Messages in the registry's queue for the account, as an answer with msgQ said last. Absent before one " +
			"has.",
		When: "it only grows: nobody reads and acknowledges them, see " +
			"[the message queue](runbook.md#the-message-queue-only-grows)",
		Each: func(s *Snapshot, e metric.Emit) {
			if s.Messages.Known {
				e.Value(float64(s.Messages.Count))
			}
		},
	}, {
		Name: "eppmux_poll_queue_oldest_seconds", Kind: metric.Gauge,
		Help: "How long the message at the head of that queue has been there, by the registry's clock and ours. Absent " +
			"where no answer has said so since the last acknowledgement.",
		When: "it is long: some registries acknowledge messages by themselves after weeks",
		Each: func(s *Snapshot, e metric.Emit) {
			if s.Messages.Age > 0 {
				e.Value(s.Messages.Age.Seconds())
			}
		},
	}, {
		Name: "eppmux_odd_answers_total", Kind: metric.Counter, Labels: []string{"kind"},
		Help: "Answers that are no good XML or whose clTRID is not that of the command, and that answer it beyond " +
			"doubt all the same; clients got them. And greetings that are no good XML; clients get them without " +
			"what is wrong.",
		When: "[it grows](runbook.md#odd-answers): a client's own parser may refuse what the registry sent",
		Each: func(s *Snapshot, e metric.Emit) {
			for o := OddNone + 1; o < numOddities; o++ {
				e.Value(float64(s.Odd[o]), o.String())
			}
		},
	}, {
		Name: "eppmux_password_expiry_timestamp_seconds", Kind: metric.Gauge,
		Help: "When the password ends by what the registry said at the last login (RFC 8807), in seconds since " +
			"1970. Absent where it has said nothing.",
		When: "it comes near: change it with [`eppmux passwd`](runbook.md#change-the-password-at-the-registry)",
		Each: func(s *Snapshot, e metric.Emit) {
			if at := s.PasswordExpires(); !at.IsZero() {
				e.Value(float64(at.Unix()))
			}
		},
	}, {
		Name: "eppmux_paused", Kind: metric.Gauge,
		Help:  "1 while the operator has paused the registry, else 0.",
		When:  "it is 1: somebody has paused the registry with `eppmux ctl`",
		Value: func(s *Snapshot) float64 { return metric.OneIf(s.Paused) },
	},
}}

var limitMetrics = metric.Group[Snapshot]{Name: "limits", Rows: []metric.Row[Snapshot]{
	{
		Name: "eppmux_limit_used_ratio", Kind: metric.Gauge, Labels: []string{"limit"},
		Help: "Part of a limit of registry scope that is in use.",
		When: "it is near 1: commands wait for a limit",
		Each: func(s *Snapshot, e metric.Emit) {
			for i, used := range s.Used {
				e.Value(used, s.Rules[i])
			}
		},
	}, {
		Name: "eppmux_limited_seconds_total", Kind: metric.Counter, Labels: []string{"limit"},
		Help: "Time for which a limit of registry scope held a command back while a session was idle.",
		When: "it grows: its rate is the part of the time for which that limit, and not the sessions, was what " +
			"commands waited for",
		Each: func(s *Snapshot, e metric.Emit) {
			for i, rule := range s.Rules {
				e.Value(s.Limited[i].Seconds(), rule)
			}
		},
	}, {
		Name: "eppmux_limit_shadow_total", Kind: metric.Counter, Labels: []string{"limit"},
		Help: "Commands that a limit in shadow mode would have held back.",
		Each: func(s *Snapshot, e metric.Emit) {
			for i, rule := range s.Rules {
				e.Value(float64(s.Exceeded[i]), rule)
			}
		},
	}, {
		Name: "eppmux_throttled_total", Kind: metric.Counter,
		Help:  "Answers of the registry that it wants fewer commands; they were sent again later.",
		When:  "it grows: lower `rate_limits`; the profile names those answers",
		Value: func(s *Snapshot) float64 { return float64(s.Throttled) },
	}, {
		Name: "eppmux_ledger_write_seconds", Kind: metric.Histogram,
		Help: "Time of a writing of what must be remembered beyond the process: use of long limits, logins, refusals.",
		When: "it nears 1 s: the disk of `state.dir` is slow, and commands under long limits wait for it",
		Each: func(s *Snapshot, e metric.Emit) {
			h := &s.LedgerWrite
			e.Histogram(HistogramBounds[:], h.Counts[:], h.Sum.Seconds())
		},
	}, {
		Name: "eppmux_ledger_errors_total", Kind: metric.Counter,
		Help:  "Writings of that which failed, or held commands for a second.",
		When:  "it grows: a crash forgets what was used of limits, or commands under long limits wait",
		Value: func(s *Snapshot) float64 { return float64(s.LedgerErrors) },
	},
}}

// shownStates are the session states that eppmux_sessions has.
var shownStates = []pool.SessionState{pool.SessionDialing, pool.SessionIdle, pool.SessionBusy, pool.SessionDraining}

// commands goes through the commands that are counted.
func commands(yield func(frame.Command) bool) {
	for c := frame.CommandNone + 1; int(c) < frame.NumCommands; c++ {
		if !yield(c) {
			return
		}
	}
}

func byClass(all *[NumClasses]Histogram, e metric.Emit) {
	for c := range NumClasses {
		h := &all[c]
		e.Histogram(HistogramBounds[:], h.Counts[:], h.Sum.Seconds(), c.String())
	}
}

func byCause(counts *[pool.NumCauses]uint64, causes []pool.Cause, e metric.Emit) {
	for _, c := range causes {
		e.Value(float64(counts[c]), c.String())
	}
}

// codeLabel is the label of the codes of an index of Counters.Commands.
func codeLabel(index int) string {
	if index == frame.NumCodes {
		return "other"
	}
	return strconv.Itoa(int(frame.CodeAt(index)))
}

// outcomeLabel is the label of an index of Counters.Outcomes.
func outcomeLabel(index int) string {
	switch index {
	case OutcomeOrphan:
		return "orphan"
	case OutcomeDropped:
		return "dropped"
	}
	return pool.End(index).String()
}
