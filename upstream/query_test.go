package upstream

import (
	"testing"

	"eppmux/audit"
	"eppmux/upstream/pool"
)

// extendedInfo is an info with an extension in each of the namespaces.
func extendedInfo(namespaces ...string) string {
	extensions := ""
	for _, ns := range namespaces {
		extensions += `<x:info xmlns:x="` + ns + `"/>`
	}
	return epp(`<command><info><domain:info ` + domainNS + `><domain:name>a.example</domain:name></domain:info></info><extension>` +
		extensions + `</extension><clTRID>C-1</clTRID></command>`)
}

const (
	launchNS = "urn:ietf:params:xml:ns:launch-1.0"
	authNS   = "urn:example:ns:new-auth-info-1.0"
)

// TestExtensionMakesTransform: a query with an extension that might change something is not asked
// again, and is a transform for the audit log, the counters and the time until it is sent.
func TestExtensionMakesTransform(t *testing.T) {
	for _, tt := range []struct {
		name       string
		more       []string
		namespaces []string
	}{
		{"one", nil, []string{authNS}},
		{"beside one that is known", nil, []string{launchNS, authNS}},
		{"before one that is known", nil, []string{authNS, launchNS}},
		{"another one is configured", []string{"urn:a"}, []string{authNS, "urn:a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &bookkeeper{}
			inPlay(t, func(c *Config) {
				c.Audit, c.Pool.Record, c.QueryExtensions = rec, pool.RecordIfCan, tt.more
			}, func(p *play) {
				r := p.session()
				a := p.ask(extendedInfo(tt.namespaces...))
				p.wantEvents(rec, "sending")
				p.recorded(rec, true)
				r.want("info")
				r.close()
				if e := a.end(); e.End != pool.EndUnknown || e.Cause != pool.CauseRegistryClosed {
					t.Errorf("got %+v", e)
				}
				p.wantEvents(rec, "sending", "unknown registry_closed")
				p.next() // nothing is sent on it
				p.on(func() {
					n := p.account.counts.Unknown
					if e := rec.entries[0]; n != 1 || e.Command != "info" || !e.Transform || e.Event != audit.Sending {
						t.Errorf("counted %d unknown, recorded %+v", n, e)
					}
					if w := &p.account.counts.Wait; w[ClassTransform].Count() != 1 || w[ClassQuery].Count() != 0 {
						t.Errorf("counted %d transforms and %d queries", w[ClassTransform].Count(), w[ClassQuery].Count())
					}
				})
			})
		})
	}
}

// TestExtensionThatAsks: with extensions that are known to ask for nothing but an answer a query is
// asked once more, and only its end is recorded, where queries are.
func TestExtensionThatAsks(t *testing.T) {
	for _, tt := range []struct {
		name       string
		more       []string
		namespaces []string
	}{
		{"none", nil, nil},
		{"known", nil, []string{launchNS}},
		{"two", nil, []string{launchNS, "urn:ietf:params:xml:ns:allocationToken-1.0"}},
		{"configured", []string{"urn:a", authNS}, []string{authNS, launchNS}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &bookkeeper{}
			inPlay(t, func(c *Config) {
				c.Audit, c.AuditQueries, c.Pool.Record, c.QueryExtensions = rec, true, pool.RecordIfCan, tt.more
			}, func(p *play) {
				r := p.session()
				a := p.ask(extendedInfo(tt.namespaces...))
				r.want("info")
				r.close()
				a.waiting()
				r = p.next()
				r.want("info")
				r.reply(1000)
				if e := a.end(); e.End != pool.EndAnswered {
					t.Errorf("got %+v", e)
				}
				p.wantEvents(rec, "answered")
				p.on(func() {
					if rec.entries[0].Transform || p.account.counts.Unknown != 0 {
						t.Errorf("recorded %+v, and %d unknown", rec.entries[0], p.account.counts.Unknown)
					}
				})
			})
		})
	}
}

// TestQueryExtensionsReload: the list is that of the last reload.
func TestQueryExtensionsReload(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		cfg := p.account.cfg
		cfg.QueryExtensions = []string{authNS}
		p.on(func() { p.account.reload(cfg) })
		a := p.ask(extendedInfo(authNS))
		r.want("info")
		r.close()
		a.waiting()
		r = p.next()
		r.want("info")
		r.reply(1000)
		a.end()
		cfg.QueryExtensions = nil
		p.on(func() { p.account.reload(cfg) })
		a = p.ask(extendedInfo(authNS))
		r.want("info")
		r.close()
		if e := a.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v", e)
		}
	})
}
