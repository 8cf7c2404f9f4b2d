package admin

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"eppmux/admin/status"
)

//go:embed page.html status.css status.js
var pageFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"span":     status.Span,
	"number":   status.Number,
	"per":      status.Per,
	"percent":  status.Percent,
	"quantile": status.SpanOrDash,
	"clock":    func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"date":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":      func(t time.Time, now time.Time) string { return status.Span(max(0, now.Sub(t).Seconds())) },
	"others":   others,
	"next":     soonest,
	"plots":    plots,
	"sessions": shownSessions,
	"hidden":   func(r *status.Registry) int { return max(0, len(r.Sessions.List)-maxShownSessions) },
	"members":  func(c *status.Cluster) []status.Member { return c.Shown(maxShownMembers) },
	"further":  func(c *status.Cluster) int { return max(0, len(c.Members)-maxShownMembers) },
	"after":    func(all []status.Finding) []status.Finding { return all[min(1, len(all)):] },
	"first":    func(all []status.Finding) []status.Finding { return all[:min(1, len(all))] },
	"pair":     func(a, b any) []any { return []any{a, b} },
}).ParseFS(pageFiles, "page.html"))

// others returns the findings after the verdict.
func others(r *status.Registry) []status.Finding { return r.Findings[min(1, len(r.Findings)):] }

// soonest returns what ends first, or nil if nothing does.
func soonest(r *status.Registry) *status.Expiry {
	if len(r.Expiries) == 0 {
		return nil
	}
	return &r.Expiries[0]
}

// shownSessions returns the sessions that the page lists.
func shownSessions(r *status.Registry) []status.Session {
	return r.Sessions.List[:min(len(r.Sessions.List), maxShownSessions)]
}

// maxShownMembers is how many hosts of a cluster the page lists; /status.json and "eppmux ctl cluster" have
// all.
const maxShownMembers = 12

// maxShownSessions is how many sessions of a registry the page lists; /status.json has all.
const maxShownSessions = 50

// pagePolicy lets the page load its own parts and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// statusPages adds the page and its parts to mux.
func (s *Server) statusPages(mux *http.ServeMux) {
	mux.HandleFunc("/{$}", s.page)
	mux.HandleFunc("/status.json", s.statusJSON)
	mux.HandleFunc("/status.css", asset("status.css", "text/css; charset=utf-8"))
	mux.HandleFunc("/status.js", asset("status.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("/icon.svg", icon)
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, s.cfg.Status()); err != nil {
		s.cfg.Logger.Error("status page", "err", err.Error())
		http.Error(w, "the status page cannot be made; see the log", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(b.Bytes())
}

func (s *Server) statusJSON(w http.ResponseWriter, _ *http.Request) {
	b, err := json.Marshal(s.cfg.Status())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n'))
}

// asset serves an embedded file.
func asset(name, kind string) http.HandlerFunc {
	content, err := pageFiles.ReadFile(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content)
	}
}

// icons are the marks of the gravities for the tab of a browser. Their shapes differ, so that they
// can be told apart without colours.
var icons = map[status.Gravity]string{
	status.OK: `<circle cx="8" cy="8" r="7" fill="#1f8a4c"/>` +
		`<path d="M4.5 8.3l2.4 2.4 4.6-5" fill="none" stroke="#fff" stroke-width="2"/>`,
	status.Look: `<path d="M8 1l7.5 14h-15z" fill="#d99100"/>` +
		`<path d="M8 6v4.5M8 12v1.6" stroke="#000" stroke-width="1.8"/>`,
	status.Broken: `<path d="M1 1h14v14H1z" fill="#c62828"/>` +
		`<path d="M4.5 4.5l7 7m0-7l-7 7" stroke="#fff" stroke-width="2.2"/>`,
}

// icon serves the mark of the gravity that the query names.
func icon(w http.ResponseWriter, r *http.Request) {
	var g status.Gravity
	_ = g.UnmarshalText([]byte(strings.TrimPrefix(r.URL.RawQuery, "g=")))
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">%s</svg>`, icons[g])
}
