package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// maxTableEvents is how many events of each registry the table shows.
const maxTableEvents = 5

// WriteTable writes s for a terminal or a mail. It cleans what it writes once more, since s may
// have come from elsewhere.
func WriteTable(out io.Writer, s *Status) error {
	t := &table{out: out}
	t.line("eppmux %s on %s, up %s, as of %s UTC", s.Version, s.Host,
		Span(max(0, s.Now.Sub(s.Started).Seconds())), s.Now.UTC().Format(time.DateTime))
	t.line("%s", s.Headline())
	t.line("")
	if s.Cluster != nil {
		t.cluster(s.Cluster)
	}
	t.overview(s)
	for i := range s.Registries {
		t.registry(&s.Registries[i])
	}
	t.events("Last warnings and errors of eppmux itself", s.Events)
	return t.err
}

// overview has a line for each registry, with its owner where the host takes part in a cluster.
func (t *table) overview(s *Status) {
	t.begin()
	head, owned := []string{"STATE", "REGISTRY"}, s.Cluster != nil
	if owned {
		head = append(head, "OWNER", "SINCE")
	}
	t.row(append(head, "VERDICT")...)
	for _, r := range s.Ranked() {
		cells := []string{r.Gravity.String(), r.Name}
		if owned {
			owner, since := r.Cluster.columns()
			cells = append(cells, owner, since)
		}
		t.row(append(cells, r.Verdict().Text)...)
	}
	t.end()
}

// columns are the owner and since when, for a table. The owner of an account that is not shared is a dash.
func (o *Ownership) columns() (owner, since string) {
	owner, since = "-", "-"
	if o == nil {
		return owner, since
	}
	if !o.Since.IsZero() {
		since = o.Since.UTC().Format(time.DateTime)
	}
	switch {
	case o.orphaned():
		owner = "nobody"
	case o.follows():
		owner = o.Owner
	default:
		owner = o.Owner + " (here)"
	}
	return owner, since
}

// cluster says how the cluster is, in a line, and what there is to say about it.
func (t *table) cluster(c *Cluster) {
	t.line("cluster %s: %s", c.Name, c.Summary())
	for _, f := range c.Findings {
		if f.Gravity > OK {
			t.finding(f)
		}
	}
	t.line("")
}

// table writes lines and columns, until the first error. A column is written by tabwriter, which
// needs the cells of all rows between begin and end.
type table struct {
	out  io.Writer
	cols *tabwriter.Writer // nil before the first begin
	err  error             // the first one of out
}

func (t *table) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintln(t.out, strings.TrimRight(clean(fmt.Sprintf(format, args...)), " "))
	}
}

func (t *table) begin() { t.cols = tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0) }

// row writes cells.
func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	fmt.Fprintln(t.cols, strings.Join(cells, "\t"))
}

func (t *table) end() {
	if err := t.cols.Flush(); t.err == nil {
		t.err = err
	}
}

func (t *table) registry(r *Registry) {
	t.line("")
	t.line("%s (%s): %s", r.Name, r.Address, r.Gravity)
	for _, f := range r.Findings {
		t.finding(f)
	}
	t.figures(r)
	t.sessions(r)
	t.culprits(r)
	t.limits(r)
	t.codes(r)
	t.events("  LAST WARNINGS AND ERRORS", r.Events)
}

func (t *table) finding(f Finding) {
	t.line("  %s: %s", f.Gravity, f.Text)
	advice := ""
	if f.Whose != "" {
		advice = f.Whose + ": "
	}
	if advice += f.Do; advice != "" {
		t.line("    %s", strings.TrimSuffix(advice, ": "))
	}
}

// figures are the numbers of a registry, each with its name before it.
func (t *table) figures(r *Registry) {
	s, m, lost := &r.Sessions, &r.Minute, &r.Recent
	t.begin()
	if o := r.Cluster; o != nil {
		t.row("  owner", strings.TrimSuffix(o.Words()+", "+o.More(), ", "))
	}
	if r.Forwards() {
		l := r.Cluster.Lanes
		t.row("  lanes", fmt.Sprintf("%d open, %d busy, %d opening", l.Open(), l.Busy, l.Opening))
	} else {
		t.row("  sessions",
			fmt.Sprintf("%d of %d logged in, %d busy, %d opening", s.LoggedIn(), s.Max, s.Busy, s.Dialing))
	}
	t.row("  waiting", fmt.Sprintf("%d, the oldest for %s", r.Queue.Length, Span(r.Queue.OldestSeconds)))
	t.row("  clients", fmt.Sprintf("%d of %d", r.Clients.Connected, r.Clients.Max))
	t.row("  last minute", fmt.Sprintf("%s commands/s, wait p50 %s p99 %s, registry time p50 %s p99 %s",
		Number(m.PerSecond()), SpanOrDash(m.Wait.P50), SpanOrDash(m.Wait.P99),
		SpanOrDash(m.RTT.P50), SpanOrDash(m.RTT.P99)))
	t.row("  lost in 10 min", fmt.Sprintf("%d transforms unknown, %d not sent, %d orphaned",
		lost.UnknownTransforms, lost.NotSent, lost.Orphans))
	for _, e := range r.Expiries {
		what := strings.TrimSpace(e.What + " " + e.File)
		t.row("  ends", fmt.Sprintf("%s: in %s, on %s", what, Span(e.In), e.At.UTC().Format(time.DateOnly)))
	}
	t.end()
}

func (t *table) sessions(r *Registry) {
	if len(r.Sessions.List) == 0 {
		return
	}
	t.begin()
	t.row("  SESSION", "STATE", "AGE", "SENT", "DOING", "FOR", "CLIENT")
	for _, s := range r.Sessions.List {
		doing := s.Doing
		switch {
		case doing == "":
			doing = "-"
		case s.Own:
			doing += " (own)"
		}
		t.row(fmt.Sprintf("  %d", s.ID), s.State, Span(s.AgeSeconds), fmt.Sprint(s.Commands),
			doing, Span(s.ForSeconds), s.Client)
	}
	t.end()
}

func (t *table) culprits(r *Registry) {
	if len(r.Culprits) == 0 {
		return
	}
	t.begin()
	t.row("  SESSIONS ENDED ON", "IN A ROW", "LAST", "REASON", "HELD BACK", "CLIENT", "IDENTITY", "ID")
	for _, c := range r.Culprits {
		wait := "-"
		if c.WaitSeconds > 0 {
			wait = Span(c.WaitSeconds)
		}
		t.row("  "+c.Command, fmt.Sprint(c.Ends), Span(c.AgoSeconds), c.Reason, wait, c.Client, c.Identity,
			fmt.Sprint(c.ID))
	}
	t.end()
}

func (t *table) limits(r *Registry) {
	if len(r.Limits) == 0 {
		return
	}
	t.begin()
	t.row("  LIMIT", "", "SCOPE", "COMMANDS", "USED", "HELD BACK")
	for _, l := range r.Limits {
		used := "-"
		if l.UsedRatio != nil {
			used = Percent(*l.UsedRatio)
		}
		text := fmt.Sprintf("%d per %s", l.Limit, Per(l.PerSeconds))
		if l.Shadow {
			text += fmt.Sprintf(" (shadow, exceeded %d times)", l.Exceeded)
		}
		t.row("  "+l.Name, text, l.Scope, l.Commands, used, Percent(l.LimitedRatio))
	}
	t.end()
}

func (t *table) codes(r *Registry) {
	if len(r.Codes) == 0 {
		return
	}
	t.begin()
	t.row("  ANSWER", "", "10 MIN", "SINCE START")
	for _, c := range r.Codes {
		t.row(fmt.Sprintf("  %d", c.Code), c.Meaning, fmt.Sprint(c.Recent), fmt.Sprint(c.Total))
	}
	t.end()
}

func (t *table) events(title string, events []Event) {
	if len(events) == 0 {
		return
	}
	t.line("")
	t.line("%s", title)
	for _, e := range events[:min(len(events), maxTableEvents)] {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(" (%d times)", e.Count)
		}
		t.line("  %s %s%s %s", e.At.UTC().Format("15:04:05"), e.Text, times, e.Detail)
	}
}
