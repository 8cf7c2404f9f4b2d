package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/rpp"
	"eppmux/proxy"
)

// state is a Config made ready. Immutable.
type state struct {
	cfg     Config
	users   *users
	hosts   map[string]bool // that a Host header may have, in lower case, beside this machine's
	origins map[string]bool
	// registries are all, by their names too. byAddress has more than one where several accounts are at one
	// registry.
	registries []*registry
	byName     map[string]*registry
	byAddress  map[string][]*registry
	rpp        http.Handler // nil: not served
}

// registry is a Registry made ready.
type registry struct {
	*carry.Registry
	logins map[string]*credential // nil: any login is right
}

// newState makes cfg ready. before is what it follows; nil: nothing.
func (s *Server) newState(cfg Config, before *state) *state {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	st := &state{cfg: cfg, hosts: make(map[string]bool), origins: make(map[string]bool),
		byName: make(map[string]*registry), byAddress: make(map[string][]*registry)}
	for _, h := range cfg.Hosts {
		st.hosts[strings.ToLower(strings.TrimSuffix(h, "."))] = true
	}
	for _, l := range cfg.Listeners {
		st.nameListener(&l)
	}
	for _, o := range cfg.Origins {
		st.origins[strings.ToLower(strings.TrimSuffix(o, "/"))] = true
	}
	st.users = newUsers(cfg.Users, before)
	for i := range cfg.Registries {
		st.addRegistry(&cfg.Registries[i], before)
	}
	s.bodies.Resize(max(maxBodies, bodiesRoom*cfg.MaxBody))
	s.verifier.setDecoy(st.hashes())
	s.checker.SetRegistries(st.carried())
	s.openRPP(st)
	return st
}

// openRPP makes the handler of RPP, where it is served.
func (s *Server) openRPP(st *state) {
	c, ok := s.carrier.(*carry.Carrier)
	if !st.cfg.RPP.On || !ok {
		return
	}
	all := st.carried()
	cfg := rpp.Config{Carrier: c, Checker: s.checker, Registries: func() []*carry.Registry { return all },
		Codes: st.cfg.RPP.Codes, SetsStatus: st.cfg.RPP.SetsStatus, Logger: s.log}
	if s.keys != nil {
		cfg.Table = s.keys
	}
	st.rpp = rpp.New(cfg)
}

// hashes are those of all passwords.
func (st *state) hashes() (all []proxy.PasswordHash) {
	for _, u := range st.cfg.Users {
		all = append(all, u.Password)
	}
	for _, r := range st.cfg.Registries {
		all = slices.AppendSeq(all, maps.Values(r.Logins))
	}
	return all
}

// nameListener adds the names by which a listener may be called: its address, and those of its certificate.
func (st *state) nameListener(l *Listener) {
	_, rest, _ := strings.Cut(l.Address, "://")
	if host, _, err := net.SplitHostPort(rest); err == nil && host != "" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			st.hosts[strings.ToLower(host)] = true
		}
	}
	if l.TLS == nil {
		return
	}
	certificates := l.TLS.Certificates
	if l.TLS.GetCertificate != nil {
		if c, err := l.TLS.GetCertificate(&tls.ClientHelloInfo{}); err == nil && c != nil {
			certificates = append(slices.Clone(certificates), *c)
		}
	}
	for _, c := range certificates {
		leaf := c.Leaf
		if leaf == nil && len(c.Certificate) > 0 {
			leaf, _ = x509.ParseCertificate(c.Certificate[0])
		}
		if leaf == nil {
			continue
		}
		for _, name := range leaf.DNSNames {
			st.hosts[strings.ToLower(name)] = true
		}
		for _, ip := range leaf.IPAddresses {
			st.hosts[ip.String()] = true
		}
	}
}

// addRegistry adds r. Logins that were there before keep the proofs of their passwords.
func (st *state) addRegistry(r *Registry, before *state) {
	reg := &registry{Registry: &r.Registry}
	if r.Logins != nil {
		reg.logins = make(map[string]*credential, len(r.Logins))
		var old map[string]*credential
		if before != nil && before.byName[r.Name] != nil {
			old = before.byName[r.Name].logins
		}
		for id, hash := range r.Logins {
			reg.logins[id] = renewCredential(old[id], r.Name+"/"+id, hash)
		}
	}
	st.registries = append(st.registries, reg)
	st.byName[r.Name] = reg
	address := strings.ToLower(r.Address)
	st.byAddress[address] = append(st.byAddress[address], reg)
}

// renewCredential is a credential with hash: the old one where that has it.
func renewCredential(old *credential, name string, hash proxy.PasswordHash) *credential {
	if old != nil && old.hash == hash {
		return old
	}
	return &credential{name: name, hash: hash}
}

// carried are the registries as package carry knows them, but for those of tests, which have no account.
func (st *state) carried() []*carry.Registry {
	all := make([]*carry.Registry, 0, len(st.registries))
	for _, r := range st.registries {
		if r.Account != nil {
			all = append(all, r.Registry)
		}
	}
	return all
}

// mayUse reports whether a user may use a registry.
func mayUse(u *carry.User, r *registry) bool {
	return len(u.Registries) == 0 || slices.Contains(u.Registries, r.Name)
}
