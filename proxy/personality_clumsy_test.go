package proxy

import (
	"fmt"
	"strings"
)

// blunders are what no registry likes. Whatever comes of them is for the client alone that made
// them.
func (p *player) blunders(k registryKind) error {
	for _, blunder := range []func(registryKind) error{p.malformed, p.longID, p.renewNothing, p.unknownCommand, p.unknownExtension} {
		if err := blunder(k); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := p.session(0, []step{p.login(), logout()}); err != nil { // it is welcome again
			return fmt.Errorf("%s: afterwards: %w", p.name, err)
		}
	}
	return nil
}

// with does something in a connection of its own.
func (p *player) with(do func(*conversation) error) error {
	c, err := p.open(0)
	if err != nil {
		return err
	}
	defer c.wire.conn.Close()
	if err := c.greet(); err != nil {
		return err
	}
	return do(c)
}

// malformed XML is answered by eppmux, and the connection goes on.
func (p *player) malformed(registryKind) error {
	return p.with(func(c *conversation) error {
		for _, bad := range []string{`<epp xmlns="` + nsEPP + `"><command>`, "not XML"} {
			if err := c.wire.send(bad); err != nil {
				return err
			}
			if a, err := c.next(); err != nil || a.code != 2001 || a.ids != nil {
				return fmt.Errorf("%s: got %+v, %v, want code 2001", bad, a, err)
			}
		}
		return c.all([]step{{verb: "poll", code: 1301, message: element{name: "poll", attrs: ` op="req"`}}})
	})
}

// longID: a registry never sees the clTRIDs of clients that are longer than it takes.
func (p *player) longID(registryKind) error {
	return p.with(func(c *conversation) error {
		name := p.tag + ".org"
		return c.all([]step{{verb: "check", id: strings.Repeat("long", 25), code: 1000, names: []string{name},
			message: domain("check", domainText("name", name))}})
	})
}

// renewNothing renews a domain that there is not.
func (p *player) renewNothing(k registryKind) error {
	return p.with(func(c *conversation) error {
		s := step{verb: "renew", code: 2303, names: []string{"no-" + p.tag + ".net"}, message: domain("renew",
			domainText("name", "no-"+p.tag+".net"), domainText("curExpDate", "2031-01-01"))}
		if k.renewal == renewalEnds {
			s.code, s.names, s.ends = 2500, nil, true
		}
		return c.all([]step{s})
	})
}

// unknownCommand is answered by eppmux, whatever the registry would do, and the connection goes on.
func (p *player) unknownCommand(registryKind) error {
	return p.with(func(c *conversation) error {
		return c.all([]step{
			{verb: "renounce", code: 2000, local: true, message: el("renounce")},
			{verb: "poll", code: 1301, message: element{name: "poll", attrs: ` op="req"`}},
		})
	})
}

// unknownExtension: of a session that it costs, nobody else notices.
func (p *player) unknownExtension(k registryKind) error {
	return p.with(func(c *conversation) error {
		if err := c.wire.send(`<epp xmlns="` + nsEPP + `"><extension><x:y xmlns:x="urn:x"/></extension></epp>`); err != nil {
			return err
		}
		if k.unknown == closes {
			return c.wire.ended()
		}
		if a, err := c.next(); err != nil || a.code != 2000 {
			return fmt.Errorf("got %+v, %v, want code 2000", a, err)
		}
		return nil
	})
}
