package admin

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed page.html status.css status.js
var pageFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"span": span, "number": number, "per": per, "plots": plots, "quantile": quantileText, "headline": headline, "ranked": ranked,
	"others": func(r *Registry) []Finding { return r.Findings[1:] },
	"first":  func(r *Registry) Finding { return r.Findings[0] },
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"date":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":    func(t time.Time, now time.Time) string { return span(max(0, now.Sub(t).Seconds())) },
	"percent": func(v float64) string {
		return fmt.Sprintf("%.0f %%", 100*v)
	},
	"next": func(r *Registry) *Expiry {
		if len(r.Expiries) == 0 {
			return nil
		}
		return &r.Expiries[0]
	},
	"lost":     func(w *Window) uint64 { return w.Unknown + w.NotSent },
	"sessions": func(r *Registry) []Session { return r.Sessions.List[:min(len(r.Sessions.List), maxShownSessions)] },
	"hidden":   func(r *Registry) int { return max(0, len(r.Sessions.List)-maxShownSessions) },
	"pair":     func(a, b any) []any { return []any{a, b} },
}).ParseFS(pageFiles, "page.html"))

// maxShownSessions is how many sessions of a registry the page lists; /status.json has all.
const maxShownSessions = 50

// pagePolicy lets the page load what stands beside it, and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// headline says in a few words how things stand.
func headline(s *Status) string {
	var n [numGravities]int
	for i := range s.Registries {
		n[s.Registries[i].Gravity]++
	}
	all := len(s.Registries)
	verb := func(n int, one, many string) string {
		if n == 1 {
			return one
		}
		return many
	}
	switch {
	case s.Stopping:
		return "eppmux is stopping"
	case all == 0:
		return "No registry is served"
	case all == 1 && n[Broken] > 0:
		return "The registry is broken"
	case all == 1 && n[Look] > 0:
		return "The registry needs a look"
	case n[Broken] > 0 && n[Look] > 0:
		return fmt.Sprintf("%d of %d registries %s broken, %d %s a look", n[Broken], all, verb(n[Broken], "is", "are"), n[Look], verb(n[Look], "needs", "need"))
	case n[Broken] > 0:
		return fmt.Sprintf("%d of %d %s broken", n[Broken], all, verb(n[Broken], "registries is", "registries are"))
	case n[Look] > 0:
		return fmt.Sprintf("%d of %d %s a look", n[Look], all, verb(n[Look], "registries needs", "registries need"))
	case all == 1:
		return "All well"
	}
	return fmt.Sprintf("All %d registries are well", all)
}

// ranked are the registries, the gravest first.
func ranked(s *Status) []*Registry {
	var all []*Registry
	for i := range s.Registries {
		all = append(all, &s.Registries[i])
	}
	slices.SortStableFunc(all, func(a, b *Registry) int { return int(b.Gravity) - int(a.Gravity) })
	return all
}

// statusPages are the page and what belongs to it.
func (s *Server) statusPages(mux *http.ServeMux) {
	mux.HandleFunc("/{$}", s.page)
	mux.HandleFunc("/status.json", s.statusJSON)
	mux.HandleFunc("/status.css", asset("status.css", "text/css; charset=utf-8"))
	mux.HandleFunc("/status.js", asset("status.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("/icon.svg", icon)
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, s.cfg.Status.Status()); err != nil {
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
	b, err := json.Marshal(s.cfg.Status.Status())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n'))
}

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

// icons are the shapes of the gravities, for the tab of a browser: told apart without their
// colours.
var icons = [numGravities]string{
	OK:     `<circle cx="8" cy="8" r="7" fill="#1f8a4c"/><path d="M4.5 8.3l2.4 2.4 4.6-5" fill="none" stroke="#fff" stroke-width="2"/>`,
	Look:   `<path d="M8 1l7.5 14h-15z" fill="#d99100"/><path d="M8 6v4.5M8 12v1.6" stroke="#000" stroke-width="1.8"/>`,
	Broken: `<path d="M1 1h14v14H1z" fill="#c62828"/><path d="M4.5 4.5l7 7m0-7l-7 7" stroke="#fff" stroke-width="2.2"/>`,
}

// icon is of the gravity that the query names.
func icon(w http.ResponseWriter, r *http.Request) {
	var g Gravity
	_ = g.UnmarshalText([]byte(strings.TrimPrefix(r.URL.RawQuery, "g=")))
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">%s</svg>`, icons[g])
}
