// Package serve is the running program. It builds the parts that a config file asks for, follows
// the file over reloads, and ends when it is told to.
//
//	log := serve.StartLog(c.Log.Format, os.Stderr)
//	err := serve.Run(ctx, serve.Options{File: path, Config: c, Version: "1.2.3", Log: log})
//	log.Close()
//
// A service (serve.go) owns everything, on the goroutine of Run. It has a member (member.go) for
// each registry: a loop, an account, and a proxy.Server on it, and for the built-in registry a
// sandbox. A reload (reload.go) compares the members with the file: those that stay keep their
// clients. Scrapes, probes and the status page read live (admin.go), which may be used from any
// goroutine. All log lines go through a Log (log.go), since standard error may not be read.
//
// Before a member opens a session, it locks its account (lock.go) in a folder of this host
// (state.go), so that no other process uses it at the same time.
//
// The control socket (control.go) serves "eppmux ctl", with a Request and an Answer. sockets.go and
// notify.go speak with a service manager. part_config.go has most of the translation of the file's
// values into those of proxy and upstream; audit.go adds the audit log, built_in.go the built-in
// registry, and member.go the TLS configs and the sockets that a service manager has opened.
package serve
