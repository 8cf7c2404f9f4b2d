// Package serve is the running program. It builds the parts that a config file asks for, follows
// the file over reloads, and ends when it is told to.
//
//	err := serve.Run(ctx, serve.Options{File: path, Config: c, Version: "1.2.3", Log: os.Stderr})
//
// A service (serve.go) owns everything, on the goroutine of Run. It has a member (member.go) for
// each registry, which is a proxy.Server, and for the built-in registry a sandbox too. A reload
// (reload.go) compares the members with the file: those that stay keep their clients. Scrapes,
// probes and the status page read live (admin.go), which may be used from any goroutine.
//
// The control socket (control.go) serves "eppmux ctl", with a Request and an Answer. sockets.go and
// notify.go speak with a service manager. proxy_config.go is the one place where values of the file
// become values of proxy and upstream.
package serve
