package status

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestGravityText(t *testing.T) {
	for g, want := range map[Gravity]string{OK: "ok", Look: "look", Broken: "broken"} {
		text, err := g.MarshalText()
		if err != nil || string(text) != want || g.String() != want {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
		var back Gravity
		if err := back.UnmarshalText(text); err != nil || back != g {
			t.Errorf("%s: got %v, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "OK", "bad", "look "} {
		g := Look
		if err := g.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "unknown") || g != Look {
			t.Errorf("%q: got %v, %v", text, g, err)
		}
	}
}

// keys are the JSON keys of a type, with those of the types within it behind a point.
func keys(t reflect.Type, prefix string) (all []string) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() == "time" {
		return nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, prefix+name)
		all = append(all, keys(t.Field(i).Type, prefix+name+".")...)
	}
	return all
}

// TestJSONKeys: the keys of /status.json are a surface. A key may be added; one that goes or gets
// another name breaks programs that read it.
func TestJSONKeys(t *testing.T) {
	got := keys(reflect.TypeFor[Status](), "")
	for _, list := range []string{
		"version host started now stopping gravity registries events",
		"registries.name registries.address registries.gravity registries.answers registries.ready registries.paused",
		"registries.findings.gravity registries.findings.rule registries.findings.whose registries.findings.text registries.findings.do",
		"registries.trouble registries.trouble_seconds registries.trouble_reason registries.next_try_seconds",
		"registries.sessions.min registries.sessions.max registries.sessions.allowed registries.sessions.idle registries.sessions.busy",
		"registries.sessions.dialing registries.sessions.ending registries.sessions.backoff",
		"registries.sessions.list.id registries.sessions.list.state registries.sessions.list.for_seconds registries.sessions.list.age_seconds",
		"registries.sessions.list.commands registries.sessions.list.doing registries.sessions.list.own registries.sessions.list.client",
		"registries.queue.length registries.queue.oldest_seconds registries.queue.timeout_seconds registries.queue.pause_seconds",
		"registries.clients.connected registries.clients.max registries.clients.held_bytes registries.clients.max_held_bytes",
		"registries.limits.name registries.limits.index registries.limits.limit registries.limits.per_seconds registries.limits.burst",
		"registries.limits.scope registries.limits.commands registries.limits.shadow registries.limits.used_ratio",
		"registries.limits.limited_ratio_last_minute registries.limits.shadow_exceeded",
		"registries.last_minute.seconds registries.last_ten_minutes.queries registries.since_start.transforms",
		"registries.since_start.not_sent registries.since_start.not_sent_cause registries.since_start.dropped registries.since_start.unknown",
		"registries.since_start.unknown_transforms registries.since_start.orphans registries.since_start.throttled",
		"registries.since_start.command_timeouts registries.since_start.lost_sessions registries.since_start.code_closes",
		"registries.since_start.logins_lost registries.since_start.desync registries.since_start.desync_frame",
		"registries.since_start.desync_unasked registries.since_start.failed_logins registries.since_start.client_faults",
		"registries.since_start.clients_closed registries.since_start.hoarders_closed registries.since_start.accept_errors",
		"registries.since_start.wait.p50_seconds registries.since_start.rtt.p99_seconds",
		"registries.codes.code registries.codes.meaning registries.codes.total registries.codes.last_ten_minutes",
		"registries.history.interval_seconds registries.history.end registries.history.queries_per_second",
		"registries.history.transforms_per_second registries.history.refused_per_second registries.history.failed_per_second",
		"registries.history.not_sent registries.history.unknown registries.history.queue_length registries.history.wait_p50_seconds",
		"registries.history.wait_p99_seconds registries.history.rtt_p50_seconds registries.history.rtt_p99_seconds",
		"registries.history.limit_used_ratio registries.history.sessions",
		"registries.expiries.what registries.expiries.file registries.expiries.at registries.expiries.ours registries.expiries.near",
		"registries.expiries.in_seconds registries.events.at registries.events.level registries.events.text registries.events.detail",
		"registries.events.count registries.login_events.type registries.login_events.level registries.login_events.expires",
		"registries.login_events.text registries.audit.file registries.audit.blocks registries.audit.failing",
		"registries.audit.failing_seconds registries.audit.why registries.audit.lost registries.audit.lost_seconds_ago",
		"registries.unresolved.count registries.unresolved.oldest_seconds",
		"registries.client_at_fault.at registries.client_at_fault.listener registries.client_at_fault.client",
		"registries.client_at_fault.reason registries.accept_error events.at events.count",
		"registries.culprits.listener registries.culprits.client registries.culprits.identity registries.culprits.id",
		"registries.culprits.command registries.culprits.reason registries.culprits.ends registries.culprits.held_back",
		"registries.culprits.ago_seconds registries.culprits.wait_seconds",
		"registries.since_start.blamed_sessions registries.since_start.blamed_code_closes",
	} {
		for _, want := range strings.Fields(list) {
			if !slices.Contains(got, want) {
				t.Errorf("got no key %s", want)
			}
		}
	}
	for _, key := range got {
		if strings.HasSuffix(key, ".") || strings.ToLower(key) != key {
			t.Errorf("got the key %q", key)
		}
	}
}

// TestJSONEmpty: lists are lists where there is nothing in them, and what is not there is left out.
func TestJSONEmpty(t *testing.T) {
	got := mustJSON(t, shown(Subject{}, new(Snapshot)))
	for _, want := range []string{`"list":[]`, `"codes":[]`, `"culprits":[]`, `"p50_seconds":null`, `"queries_per_second":[null,`} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %s in %s", want, got)
		}
	}
	for _, key := range []string{"trouble", "next_try_seconds", "audit", "client_at_fault", "accept_error", "login_events", "not_sent_cause", "pause_seconds"} {
		if strings.Contains(got, `"`+key+`":`) {
			t.Errorf("got %s in %s", key, got)
		}
	}
}

// TestJSONBack: what is written can be read back whole.
func TestJSONBack(t *testing.T) {
	s := evilStatus()
	s.Registries[0].Blame = &Blame{At: began, Client: "x"}
	s.Registries[0].Audit = &Audit{File: "a", Lost: 2}
	s.Registries[0].Culprits = []Culprit{culprit(3, "registry_closed")}
	var got Status
	if err := json.Unmarshal([]byte(mustJSON(t, s)), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, s) {
		t.Errorf("got %+v, want %+v", got, s)
	}
}
