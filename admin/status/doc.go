// Package status watches registries and says what is wrong, whose fault it is and what to do.
//
// The order of things:
//
//	m := status.NewMonitor(status.MonitorConfig{Subjects: f})
//	s := m.Status()                       // for the page, /status.json and "eppmux status"
//	ready := m.Ready()                    // for /readyz
//	err := status.WriteTable(os.Stdout, s)
//	m.Stop()
//
// A Monitor takes a Snapshot of each Subject every five seconds and keeps the rows that ten minutes
// of plots need (history.go). A row has the sums of all that a Window counts, so a Window is the
// difference of two rows (window.go). From the last Snapshot and the history it makes a Status
// (build.go).
// The findings about a registry come from rules (rules.go). A rule is a function of the Registry
// that is shown, so a table can test it. A Recent goes around the handler of a log and keeps its
// last warnings.
//
// In a cluster a Monitor is told of it, too (cluster.go): who owns the account of each registry stands with
// the registry, and what concerns all of them has findings of its own (rules_cluster.go). What is said of
// sessions is said by the owner alone; at a follower it is lanes (rules_owner.go).
//
// The package only reads, and it opens no connection. Package admin serves what it makes over HTTP.
package status
