package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// GatewaySnapshot is the gateway, which serves HTTP beside EPP, as one moment shows it. The counts are
// sums since the start.
type GatewaySnapshot struct {
	Listeners    []string
	UnderWay     int // requests
	Connections  int
	AuthFailures uint64        // requests with missing or wrong credentials
	AcceptErrors uint64        // failures of the host to take a connection
	Keys         *KeysSnapshot // nil: keys are refused
}

// KeysSnapshot is the file of the keys under which changes may be repeated.
type KeysSnapshot struct {
	File      string
	Known     int64  // keys
	Unknown   int64  // of them: nobody knows what became of the change
	InFlight  int64  // of them
	Trouble   string // why the last write failed; empty: it did not
	TroubleAt time.Time
	Ended     bool      // the file is not written any more, until a restart
	FullAt    time.Time // when a key had no room, the last time; zero: all had
}

// Gateway is the gateway as it is now.
type Gateway struct {
	Listeners   []string `json:"listeners"`
	UnderWay    int      `json:"requests_under_way"`
	Connections int      `json:"connections"`
	// AuthFailures and AcceptErrors are those of the last ten minutes.
	AuthFailures uint64    `json:"auth_failures_last_ten_minutes"`
	AcceptErrors uint64    `json:"accept_errors_last_ten_minutes"`
	Keys         *Keys     `json:"keys,omitempty"` // nil: keys are refused
	Gravity      Gravity   `json:"gravity"`
	Findings     []Finding `json:"findings"` // the gravest first; never empty
}

// Keys are the keys under which changes may be repeated.
type Keys struct {
	File     string `json:"file"`
	Known    int64  `json:"known"`
	Unknown  int64  `json:"unknown"` // of them: nobody knows what became of the change
	InFlight int64  `json:"in_flight"`
	// Trouble is why the last write failed; empty: it did not. Ended: the file is not written any more.
	Trouble        string  `json:"trouble,omitempty"`
	TroubleSeconds float64 `json:"trouble_seconds_ago,omitempty"`
	Ended          bool    `json:"ended,omitempty"`
	Full           bool    `json:"full,omitempty"` // in the last ten minutes a key had no room
}

// gatewayRow is what a gateway had counted at a moment.
type gatewayRow struct {
	at                         time.Time
	authFailures, acceptErrors uint64
}

// note keeps the counts of a gateway for as long as the page looks back.
func noteGateway(rows []gatewayRow, g *GatewaySnapshot, now time.Time) []gatewayRow {
	if g == nil {
		return nil
	}
	first := slices.IndexFunc(rows, func(r gatewayRow) bool { return now.Sub(r.at) <= historySpan })
	if first < 0 {
		first = len(rows)
	}
	return append(slices.Clone(rows[first:]), gatewayRow{now, g.AuthFailures, g.AcceptErrors})
}

// gatewayOf makes a Gateway of what is seen, and judges it. before are its counts of the last ten minutes; a
// gateway that began anew since counts from zero.
func gatewayOf(g *GatewaySnapshot, before []gatewayRow, now time.Time) *Gateway {
	if g == nil {
		return nil
	}
	s := &Gateway{Listeners: []string{}, UnderWay: g.UnderWay, Connections: g.Connections,
		AuthFailures: g.AuthFailures, AcceptErrors: g.AcceptErrors}
	for _, l := range g.Listeners {
		s.Listeners = append(s.Listeners, clean(l))
	}
	if len(before) > 0 {
		s.AuthFailures = grown(g.AuthFailures, before[0].authFailures)
		s.AcceptErrors = grown(g.AcceptErrors, before[0].acceptErrors)
	}
	if k := g.Keys; k != nil {
		s.Keys = &Keys{File: clean(k.File), Known: k.Known, Unknown: k.Unknown, InFlight: k.InFlight,
			Trouble: plain(k.Trouble), Ended: k.Ended,
			Full: !k.FullAt.IsZero() && now.Sub(k.FullAt) < historySpan}
		if k.Trouble != "" {
			s.Keys.TroubleSeconds = seconds(now.Sub(k.TroubleAt))
		}
	}
	s.Findings = judgeGateway(s)
	s.Gravity = s.Findings[0].Gravity
	return s
}

// grown is how much a count has grown. One that is smaller than before has begun anew.
func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// Summary is the gateway in a line.
func (g *Gateway) Summary() string {
	text := "no listener"
	if len(g.Listeners) > 0 {
		text = "listens on " + strings.Join(g.Listeners, ", ")
	}
	text += fmt.Sprintf("; %s under way over %s", count(uint64(g.UnderWay), "request"), count(uint64(g.Connections), "connection"))
	if k := g.Keys; k == nil {
		text += "; keys are refused, there is no state folder"
	} else {
		text += fmt.Sprintf("; %s, %d of unknown outcome", count(uint64(max(0, k.Known)), "key"), k.Unknown)
	}
	return text
}

// gatewayRule finds one thing to say about the gateway. It is pure, as a rule is.
type gatewayRule func(*Gateway) *Finding

// gatewayRules has all of them, causes before their consequences.
var gatewayRules = []gatewayRule{keysUnwritten, keysFull, httpNotTaken, guessed}

// judgeGateway says what there is to say about g. It never returns nothing.
func judgeGateway(g *Gateway) []Finding {
	var all []Finding
	for _, find := range gatewayRules {
		if f := find(g); f != nil {
			all = append(all, *f)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Gravity, a.Gravity) })
	if len(all) == 0 {
		all = append(all, Finding{Gravity: OK, Rule: "well", Text: "all well: " + g.Summary()})
	}
	return all
}

// keysUnwritten finds that keys cannot be written down, so that changes with one are refused. Where nobody
// has tried for a while, the disk may be well again.
func keysUnwritten(g *Gateway) *Finding {
	k := g.Keys
	if k == nil || k.Trouble == "" {
		return nil
	}
	do := "make room for " + k.File + ", or mend its disk"
	text := "keys cannot be written down: " + k.Trouble + "; changes with a key are refused, all else is sent"
	switch {
	case k.Ended:
		return &Finding{Broken, "keys_fail", whoseHost, text, do + "; then restart eppmux: until then the file is not used"}
	case k.TroubleSeconds >= gapShown:
		return &Finding{Look, "keys_fail", whoseHost,
			"a key could not be written down " + Span(k.TroubleSeconds) + " ago, and none has come since: " + k.Trouble, do}
	}
	return &Finding{Broken, "keys_fail", whoseHost, text, do + "; it goes on by itself"}
}

// keysFull finds that there was no room for keys.
func keysFull(g *Gateway) *Finding {
	k := g.Keys
	if k == nil || !k.Full {
		return nil
	}
	return &Finding{Broken, "keys_full", whoseConfig,
		"there is no room for new keys: " + fmt.Sprint(k.Known) + " are remembered; changes with a new key are refused",
		"lower gateway.keys.keep, or see which program makes so many"}
}

// httpNotTaken finds that the host could not take connections of HTTP clients in.
func httpNotTaken(g *Gateway) *Finding {
	if g.AcceptErrors == 0 {
		return nil
	}
	return &Finding{Look, "http_not_taken", whoseHost,
		fmt.Sprintf("HTTP clients could not be taken in, %d times in the last ten minutes", g.AcceptErrors),
		"usually no open file is left: raise the limit (ulimit -n, LimitNOFILE)"}
}

// guesses is how many requests with wrong credentials in ten minutes are no slip of a program any more.
const guesses = 60

// guessed finds that somebody guesses, or that a program has an old password.
func guessed(g *Gateway) *Finding {
	if g.AuthFailures < guesses {
		return nil
	}
	return &Finding{Look, "guessed", whoseClients,
		fmt.Sprintf("%d HTTP requests with missing or wrong credentials in the last ten minutes; none was carried out",
			g.AuthFailures),
		"a program has an old password or token, or somebody guesses: see who reaches gateway.listen"}
}
