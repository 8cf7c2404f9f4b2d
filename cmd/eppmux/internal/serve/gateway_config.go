package serve

import (
	"crypto/tls"
	"strings"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/gateway"
	"eppmux/gateway/carry"
	"eppmux/upstream/pool"
)

// gatewayConfig turns values of the file into values of the gateway, with the accounts of the members of now
// and the sockets that the service manager has opened. speak is for clients; nil if no listener speaks TLS.
func (s *service) gatewayConfig(g *config.Gateway, speak *tls.Config) gateway.Config {
	c := gateway.Config{
		Origins: g.Origins,
		MaxBody: g.MaxBody,
		Timeout: g.Timeout,
		KeyFile: s.keyFile(),
		KeyKeep: g.Keys.Keep,
		RPP:     gateway.RPP{On: g.RPP.Enabled, Codes: string(g.RPP.Codes), SetsStatus: g.RPP.SetsStatus},
		Version: s.live.version,
		Logger:  s.log,
	}
	for _, host := range g.Hosts {
		c.Hosts = append(c.Hosts, strings.ToLower(host))
	}
	for _, l := range g.Listen {
		gl := gateway.Listener{Address: l.String(), Mode: l.Mode, Group: l.Group,
			Socket: s.sockets.file(l.Network, l.Address)}
		if l.TLS {
			gl.TLS = speak
		}
		if l.Network == "tcp" {
			gl.Networks = g.AllowRemote
		}
		c.Listeners = append(c.Listeners, gl)
	}
	for i := range g.Users {
		c.Users = append(c.Users, gatewayUser(&g.Users[i]))
	}
	for _, m := range s.members {
		if m.cfg.Gateway {
			c.Registries = append(c.Registries, m.offered(c.KeyFile != ""))
		}
	}
	return c
}

// gatewayUser is a user of the file as the gateway has it.
func gatewayUser(u *config.GatewayUser) gateway.User {
	gu := gateway.User{Name: u.Name, Password: u.Password(), Token: u.Token(), Weight: uint8(u.Weight),
		Registries: u.Registries}
	if len(u.Allow) > 0 {
		set := pool.Commands(u.Allows)
		gu.Commands = &set
	}
	return gu
}

// offered is the member as the gateway has it.
func (m *member) offered(keys bool) gateway.Registry {
	r := &m.cfg
	clientID := r.Login.ClientID
	if m.sandbox != nil {
		clientID = m.sandbox.login.clientID
	}
	return gateway.Registry{Logins: r.Clients.Hashes(), Registry: carry.Registry{
		Name:      r.Name,
		Address:   r.Address,
		Zones:     r.Zones,
		CheckMax:  r.CheckMax,
		HostAttr:  r.NameServers == config.NameServersAttributes,
		Reconcile: r.Reconcile && keys,
		ClID:      clientID,
		Account:   m.account,
	}}
}
