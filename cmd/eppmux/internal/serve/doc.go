// Package serve is the running program: it builds from a config file what the file says, and keeps
// it that way over reloads, until it is told to end.
//
//	err := serve.Run(ctx, serve.Options{File: path, Config: c, Version: "1.2.3", Log: os.Stderr})
//
// A service (serve.go) owns everything, on the goroutine of Run. It has a member (member.go) for
// each registry, which is a proxy.Server, and for the built-in registry a sandbox too. A reload
// (reload.go) compares the members with the file: those that stay keep their clients. What scrapes,
// probes and the status page see is live (admin.go), which may be used from any goroutine.
//
// The control socket (control.go) is where "eppmux ctl" asks; Request and Answer are what is said
// there. sockets.go and notify.go speak with a service manager. proxy_config.go is the one place
// where values of the file become those of proxy and upstream.
package serve
