// Package admin serves what operators and their monitoring read, over HTTP on a loopback address:
//
//	/metrics   Prometheus metrics
//	/healthz   200 while the process lives
//	/readyz    200 while every registry can serve clients, else 503 and one line for each that says why
//	/          what there is, as text
//
// The order of things:
//
//	s := admin.New(admin.Config{Address: "127.0.0.1:7001", Metrics: reg, Ready: r})
//	err := s.Start()
//	...
//	err = s.Shutdown(ctx)
//
// It only reads: there is nothing here that changes, pauses or ends anything, and methods other than GET and HEAD are
// refused. Nothing it serves is secret, but web pages in a browser on the same machine must not read it either: a Host
// header that does not name this machine is refused, which is what a page of another site would send after rebinding its
// name to a loopback address.
package admin
