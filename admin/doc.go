// Package admin serves what operators and their monitoring read, over HTTP on a loopback address:
//
//	/metrics      Prometheus metrics
//	/healthz      200 while the process lives
//	/readyz       200 while every registry can serve clients, else 503 and one line for each registry
//	/             the status page: what is wrong, whose fault it is, what to do, and the last ten minutes
//	/status.json  the same for programs
//
// The order of things:
//
//	m := status.NewMonitor(status.MonitorConfig{Subjects: f}) // with admin.Served for each proxy.Server
//	s := admin.New(admin.Config{Address: "127.0.0.1:7001", Metrics: reg, Ready: m.Ready, Status: m.Status})
//	err := s.Listen()
//	s.Serve()
//	...
//	err = s.Shutdown(ctx)
//	m.Stop()
//
// What there is to say comes from package status; this package has the HTTP, the page and its
// plots.
//
// The package only reads: nothing here changes, pauses or ends anything, and it refuses methods
// other than GET and HEAD. Nothing that it serves is secret, but web pages in a browser on the same
// machine must not read it either. So it refuses a Host header that does not name this machine: a
// page of another site would send one after rebinding its own name to a loopback address.
package admin
