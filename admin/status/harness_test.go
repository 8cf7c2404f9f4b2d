package status

import (
	"encoding/json"
	"testing"
	"time"
)

var began = time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)

// working is a registry of which there is nothing to say.
func working() Registry {
	r := Registry{Name: "a", Answers: true, Ready: true}
	r.Sessions = Sessions{Min: 1, Max: 3, Allowed: 3, Idle: 3}
	r.Queue.TimeoutSeconds = 8
	r.Clients = Clients{Connected: 5, Max: 100}
	r.Minute = Window{Seconds: 60, Queries: 120, RTT: Quantile{some(0.004), some(0.02)}, Wait: Quantile{some(0.001), some(0.002)}}
	r.Recent, r.Total = r.Minute, r.Minute
	return r
}

// culprit is a client behind whose commands so many sessions have ended in a row, the last for a
// reason, five seconds ago.
func culprit(ends int, reason string) Culprit {
	return Culprit{Listener: "tcp://10.0.0.1:700", Client: "127.0.0.1:4711", Identity: "uid 1000", ID: 12, Command: "create contact-1.0",
		Reason: reason, Ends: ends, HeldBack: ends > 1, AgoSeconds: 5, WaitSeconds: 4}
}

func some(v float64) *float64 { return &v }

// down is a registry without a session, for a reason.
func down(reason, trouble string, next float64) func(*Registry) {
	return func(r *Registry) {
		r.Ready, r.Sessions.Idle = false, 0
		r.TroubleReason, r.Trouble, r.NextTrySeconds = reason, trouble, next
	}
}

// evil is what nobody should be able to bring onto a page or a terminal.
const evil = "<script>alert(1)</script>\x1b[2J\x1b]0;x\x07\" onload=\"x\u202e"

// evilStatus is a full status with evil in every string that others have a part in.
func evilStatus() *Status {
	at := began
	r := working()
	r.Name, r.Address, r.Trouble = "a", clean(evil), clean(evil)
	r.Gravity, r.Findings = Look, []Finding{{Look, "x", clean(evil), clean(evil), clean(evil)}, {OK, "y", "", "second", ""}}
	r.Sessions.List = []Session{{ID: 7, State: "busy", ForSeconds: 1, AgeSeconds: 90, Commands: 3, Doing: "create", Client: clean(evil), Listener: clean(evil)}, {ID: 8, State: "idle"}}
	r.Limits = []Limit{{Limit: 5, PerSeconds: 60, Burst: 2, Scope: "registry", Commands: "all", UsedRatio: some(0.5)}, {Name: "the-second", Index: 1, Limit: 9, PerSeconds: 1, Burst: 9, Scope: "client", Shadow: true, Exceeded: 4}}
	r.Codes = []CodeCount{{1000, "done", 9, 3}, {0, "other", 1, 0}}
	r.Expiries = []Expiry{{What: "our certificate", File: clean(evil), At: at, Ours: true, Near: Look, In: 4 * 86400}}
	r.Events = []Event{{At: at, Level: "warn", Text: clean(evil), Detail: clean(evil), Count: 3}}
	r.Culprits = []Culprit{{Listener: clean(evil), Client: clean(evil), Identity: clean(evil), ID: 9, Command: clean(evil), Reason: "frame", Ends: 3, HeldBack: true}}
	r.LoginSays = []LoginEvent{{Type: clean(evil), Level: "warning", Text: clean(evil), Expires: &at}}
	h := history{}
	for i := range 5 {
		h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(i))))
	}
	r.History = h.columns()
	return &Status{Version: "v1", Host: clean(evil), Started: began, Now: began.Add(time.Hour), Gravity: Look, Registries: []Registry{r}, Events: r.Events}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
