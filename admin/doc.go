// Package admin serves what operators and their monitoring read, over HTTP on a loopback address:
//
//	/metrics      Prometheus metrics
//	/healthz      200 while the process lives
//	/readyz       200 while every registry can serve clients, else 503 and one line for each that says why
//	/             the status page: what is wrong, whose fault it is, what to do, and the last ten minutes
//	/status.json  the same for programs
//
// The order of things:
//
//	m := admin.NewMonitor(admin.MonitorConfig{Subjects: f})
//	s := admin.New(admin.Config{Address: "127.0.0.1:7001", Metrics: reg, Ready: r, Status: m})
//	err := s.Start()
//	...
//	err = s.Shutdown(ctx)
//	m.Stop()
//
// A Monitor watches registries: every five seconds it asks each event loop for a copy of its
// numbers and keeps what ten minutes of plots need. Of that it makes a Status, which the page,
// /status.json and "eppmux status" show. What it says about a registry comes from rules that are
// functions of what is shown (verdict.go), so that a table can test them. A Recent goes around the
// handler of a log and keeps its last warnings.
//
// It only reads: there is nothing here that changes, pauses or ends anything, and methods other
// than GET and HEAD are refused. Nothing it serves is secret, but web pages in a browser on the
// same machine must not read it either: a Host header that does not name this machine is refused,
// which is what a page of another site would send after rebinding its name to a loopback address.
package admin
