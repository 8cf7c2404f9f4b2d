package config

import (
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
)

// The keys of the file: which there are, and which value each is read into.

func (r *reader) config(c *Config) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"registries": r.listOf(func() read {
				c.Registries = append(c.Registries, defaultRegistry())
				to := &c.Registries[len(c.Registries)-1]
				return func(path string, n *yaml.Node) {
					*to = newRegistry(n)
					r.registry(to)(path, n)
				}
			}),
			"admin":         r.admin(&c.Admin),
			"control":       r.control(&c.Control),
			"log":           r.log(&c.Log),
			"audit":         r.audit(&c.Audit),
			"drain_timeout": r.duration(&c.DrainTimeout),
		})
	}
}

func (r *reader) registry(to *Registry) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"name": r.text(&to.Name),
			"listen": r.listOf(func() read {
				to.Listen = append(to.Listen, Listen{})
				return r.listen(&to.Listen[len(to.Listen)-1])
			}),
			"address":         r.text(&to.Address),
			"source_address":  r.ip(&to.SourceAddress),
			"tls":             r.registryTLS(&to.TLS),
			"login":           r.login(&to.Login),
			"sessions":        r.sessions(&to.Sessions),
			"timeouts":        r.timeouts(&to.Timeouts),
			"rate_limits":     r.rateLimits(&to.RateLimits),
			"clients":         r.clients(&to.Clients),
			"unknown_outcome": oneOf(r, &to.UnknownOutcome, OutcomeClose, OutcomeFail),
			"profile":         r.profile(&to.Profile),
		})
	}
}

// listen reads an address, or a mapping with the key address.
func (r *reader) listen(to *Listen) read {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			r.listenAddress(to)(path, n)
			return
		}
		r.mapping(path, n, fields{
			"address": r.listenAddress(to),
			"mode":    r.mode(&to.Mode),
			"group":   r.text(&to.Group),
			"allow":   r.commands(&to.Allow),
			"weight":  r.integer(&to.Weight),
		})
	}
}

func (r *reader) listenAddress(to *Listen) read {
	return func(path string, n *yaml.Node) {
		var text string
		r.text(&text)(path, n)
		scheme, rest, _ := strings.Cut(text, "://")
		switch {
		case text == "":
			return
		case scheme == "unix":
			to.Network, to.Address = "unix", rest
		case scheme == "tcp" || scheme == "tls":
			to.Network, to.Address, to.TLS = "tcp", rest, scheme == "tls"
		default:
			r.add(path, "must be tcp://host:port, tls://host:port or unix:///path, got %s", cli.Quote(text))
		}
	}
}

// mode reads permissions as chmod takes them, in quotes or not.
func (r *reader) mode(to *fs.FileMode) read {
	return func(path string, n *yaml.Node) {
		if !r.scalar(path, n, `permissions such as "0660"`) {
			return
		}
		m, err := strconv.ParseUint(n.Value, 8, 16)
		if err != nil || m == 0 || m > 0o777 {
			r.add(path, `must be permissions such as "0660", got %s`, cli.Quote(n.Value))
			return
		}
		*to = fs.FileMode(m)
	}
}

func (r *reader) ip(to *netip.Addr) read {
	return func(path string, n *yaml.Node) {
		var text string
		r.text(&text)(path, n)
		if text == "" {
			return
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			r.add(path, "must be an IP address, got %s", cli.Quote(text))
			return
		}
		*to = a
	}
}

func (r *reader) registryTLS(to *RegistryTLS) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"server_name": r.text(&to.ServerName),
			"ca_file":     r.text(&to.CAFile),
			"cert_file":   r.text(&to.CertFile),
			"key_file":    r.text(&to.KeyFile),
			"min_version": oneOf(r, &to.MinVersion, TLS12, TLS13),
		})
	}
}

func (r *reader) login(to *Login) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"client_id":      r.text(&to.ClientID),
			"password":       r.secret(&to.Password),
			"password_file":  r.text(&to.PasswordFile),
			"password_env":   r.text(&to.PasswordEnv),
			"language":       r.text(&to.Language),
			"object_uris":    r.texts(&to.ObjectURIs),
			"extension_uris": r.texts(&to.ExtensionURIs),
		})
	}
}

func (r *reader) sessions(to *Sessions) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"min":               r.integer(&to.Min),
			"max":               r.integer(&to.Max),
			"keepalive":         r.duration(&to.Keepalive),
			"keepalive_command": oneOf(r, &to.KeepaliveCommand, KeepaliveHello, KeepalivePoll, KeepaliveNone),
			"max_age":           r.duration(&to.MaxAge),
			"max_commands":      r.integer(&to.MaxCommands),
		})
	}
}

func (r *reader) timeouts(to *Timeouts) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"connect":  r.duration(&to.Connect),
			"login":    r.duration(&to.Login),
			"command":  r.duration(&to.Command),
			"queue":    r.duration(&to.Queue),
			"greeting": r.duration(&to.Greeting),
		})
	}
}

// rateLimits reads limits in place of the default one; an empty list is no limit.
func (r *reader) rateLimits(to *[]RateLimit) read {
	return func(path string, n *yaml.Node) {
		*to = nil
		r.listOf(func() read {
			*to = append(*to, RateLimit{Scope: ScopeRegistry, Commands: []LimitedCommand{{}}})
			return r.rateLimit(&(*to)[len(*to)-1])
		})(path, n)
	}
}

func (r *reader) rateLimit(to *RateLimit) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"name":     r.text(&to.Name),
			"limit":    r.integer(&to.Limit.N),
			"per":      r.duration(&to.Limit.Per),
			"burst":    r.integer(&to.Limit.Burst),
			"scope":    oneOf(r, &to.Scope, ScopeRegistry, ScopeSession, ScopeClient),
			"commands": r.commands(&to.Commands),
			"shadow":   r.boolean(&to.Shadow),
		})
	}
}

func (r *reader) commands(to *[]LimitedCommand) read {
	return func(path string, n *yaml.Node) {
		*to = nil
		r.listOf(func() read {
			*to = append(*to, LimitedCommand{})
			return r.command(&(*to)[len(*to)-1])
		})(path, n)
	}
}

// commandNames are the words of rate_limits.commands and listen.allow.
var commandNames = map[string]LimitedCommand{
	"all":              {},
	"check":            {Command: frame.CommandCheck},
	"create":           {Command: frame.CommandCreate},
	"delete":           {Command: frame.CommandDelete},
	"hello":            {Command: frame.CommandHello},
	"info":             {Command: frame.CommandInfo},
	"login":            {Command: frame.CommandLogin},
	"logout":           {Command: frame.CommandLogout},
	"poll":             {Command: frame.CommandPoll},
	"poll:req":         {Command: frame.CommandPoll, Op: frame.OpReq},
	"poll:ack":         {Command: frame.CommandPoll, Op: frame.OpAck},
	"renew":            {Command: frame.CommandRenew},
	"transfer":         {Command: frame.CommandTransfer},
	"transfer:request": {Command: frame.CommandTransfer, Op: frame.OpRequest},
	"transfer:query":   {Command: frame.CommandTransfer, Op: frame.OpQuery},
	"transfer:approve": {Command: frame.CommandTransfer, Op: frame.OpApprove},
	"transfer:reject":  {Command: frame.CommandTransfer, Op: frame.OpReject},
	"transfer:cancel":  {Command: frame.CommandTransfer, Op: frame.OpCancel},
	"update":           {Command: frame.CommandUpdate},
	"extension":        {Command: frame.CommandExtension},
	"other":            {Command: frame.CommandOther},
}

// String is the word of the file for l.
func (l LimitedCommand) String() string {
	for name, of := range commandNames {
		if of == l {
			return name
		}
	}
	return l.Command.String()
}

func (r *reader) command(to *LimitedCommand) read {
	return func(path string, n *yaml.Node) {
		if !r.scalar(path, n, "the name of a command") {
			return
		}
		c, ok := commandNames[n.Value]
		if !ok {
			known := make([]string, 0, len(commandNames))
			for name := range commandNames {
				known = append(known, name)
			}
			slices.Sort(known)
			hint := suggest(n.Value, known)
			if hint == "" {
				hint = "; known are " + strings.Join(known, ", ")
			}
			r.add(path, "no such command: %s%s", cli.Quote(n.Value), hint)
			return
		}
		*to = c
	}
}

func (r *reader) clients(to *Clients) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"max":           r.integer(&to.Max),
			"max_frame":     r.integer(&to.MaxFrame),
			"max_ahead":     r.integer(&to.MaxAhead),
			"idle_timeout":  r.duration(&to.IdleTimeout),
			"frame_timeout": r.duration(&to.FrameTimeout),
			"login":         oneOf(r, &to.Login, LoginAccept, LoginVerify),
			"users": r.listOf(func() read {
				to.Users = append(to.Users, User{})
				return r.user(&to.Users[len(to.Users)-1])
			}),
			"services":     oneOf(r, &to.Services, ServicesAccept, ServicesEnforce),
			"allow_remote": r.networks(&to.AllowRemote),
			"tls":          r.clientsTLS(&to.TLS),
		})
	}
}

func (r *reader) user(to *User) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"client_id":          r.text(&to.ClientID),
			"password_hash":      r.secret(&to.PasswordHash),
			"password_hash_file": r.text(&to.PasswordHashFile),
		})
	}
}

func (r *reader) networks(to *[]netip.Prefix) read {
	return func(path string, n *yaml.Node) {
		*to = nil
		r.listOf(func() read {
			return func(path string, n *yaml.Node) {
				if !r.scalar(path, n, "a network such as 192.0.2.0/24") {
					return
				}
				p, err := netip.ParsePrefix(n.Value)
				switch {
				case err != nil:
					r.add(path, "must be a network such as 192.0.2.0/24, got %s", cli.Quote(n.Value))
				case p != p.Masked():
					r.add(path, "has host bits set: %s is in the network %s", p.Addr(), p.Masked())
				default:
					*to = append(*to, p)
				}
			}
		})(path, n)
	}
}

func (r *reader) clientsTLS(to *ClientsTLS) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"cert_file": r.text(&to.CertFile),
			"key_file":  r.text(&to.KeyFile),
		})
	}
}

func (r *reader) admin(to *Admin) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{"listen": r.text(&to.Listen)})
	}
}

func (r *reader) control(to *Control) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{"socket": r.text(&to.Socket)})
	}
}

func (r *reader) log(to *Log) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"level":  r.level(&to.Level),
			"format": oneOf(r, &to.Format, LogText, LogJSON),
		})
	}
}
