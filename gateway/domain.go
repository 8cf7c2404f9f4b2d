package gateway

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"eppmux/gateway/mapping"
)

// DomainCheckCall is the body of domain-check.
type DomainCheckCall struct {
	Account
	Domain  string    `json:"domain,omitempty" doc:"One name, as U-label or A-label"`
	Domains []string  `json:"domains,omitempty" doc:"Or several: as many as the registry takes in one check. POST /v1/check takes more"`
	Fee     *FeeCheck `json:"fee,omitempty" doc:"Asks for prices too, where the registry has fee-1.0"`
}

// FeeCheck asks for prices (RFC 8748 section 5.1.1).
type FeeCheck struct {
	Currency string   `json:"currency,omitempty" example:"EUR"`
	Commands []string `json:"commands,omitempty" doc:"create, renew, transfer, restore, …; create where it is not given"`
	Years    int      `json:"years,omitempty" minimum:"1" maximum:"99"`
}

// DomainInfoCall is the body of domain-info.
type DomainInfoCall struct {
	Account
	Domain string `json:"domain"`
	AuthPW string `json:"authPw,omitempty" format:"password" doc:"The domain's password, to see a domain of another registrar"`
	Hosts  string `json:"hosts,omitempty" enum:"all,del,sub,none" doc:"Which name servers are told"`
}

// Term is a time in years or months. Period and Years are the same thing, and one of them is enough.
type Term struct {
	Period int    `json:"period,omitempty" minimum:"1" maximum:"99" doc:"A number of years, or of months where unit says so"`
	Unit   string `json:"unit,omitempty" enum:"y,m" doc:"Of period: y where it is not given"`
	Years  int    `json:"years,omitempty" minimum:"1" maximum:"99" doc:"In place of period"`
}

// DomainCreateCall is the body of domain-create.
type DomainCreateCall struct {
	Account
	Term
	Domain      string       `json:"domain"`
	Nameservers []Nameserver `json:"nameservers,omitempty"`
	Registrant  string       `json:"registrant,omitempty" doc:"Id of a contact"`
	Admin       string       `json:"admin,omitempty" doc:"Id of a contact"`
	Tech        string       `json:"tech,omitempty" doc:"Id of a contact"`
	Billing     string       `json:"billing,omitempty" doc:"Id of a contact"`
	// RFC 5731 section 3.2.1 demands authInfo. An empty one must be asked for: many registries refuse it, and
	// nobody shall get a domain without a password by leaving a member out.
	Password *string         `json:"password" format:"password" doc:"The domain's password (authInfo). Registries that take none want an empty one"`
	SecDNS   *mapping.SecDNS `json:"secDNS,omitempty" doc:"DNSSEC (RFC 5910)"`
	Fee      *Agreed         `json:"fee,omitempty" doc:"The price that you agree to pay (RFC 8748)"`
}

// Agreed is a price that the caller agrees to (RFC 8748 section 5.2).
type Agreed struct {
	Currency string `json:"currency,omitempty"`
	Amount   string `json:"amount" example:"9.50"`
}

// DomainUpdateCall is the body of domain-update.
type DomainUpdateCall struct {
	Account
	Domain      string            `json:"domain"`
	AddNS       []Nameserver      `json:"addNs,omitempty"`
	RemNS       []Nameserver      `json:"remNs,omitempty"`
	AddContacts []mapping.Contact `json:"addContacts,omitempty"`
	RemContacts []mapping.Contact `json:"remContacts,omitempty"`
	AddStatus   []string          `json:"addStatus,omitempty" example:"[\"clientHold\"]"`
	RemStatus   []string          `json:"remStatus,omitempty"`
	Registrant  *string           `json:"registrant,omitempty" doc:"A new one; an empty one removes it"`
	AuthPW      *string           `json:"authPw,omitempty" format:"password" doc:"A new password (authInfo)"`
	AddSecDNS   *mapping.SecDNS   `json:"addSecDNS,omitempty" doc:"DNSSEC (RFC 5910)"`
	RemSecDNS   *mapping.SecDNS   `json:"remSecDNS,omitempty" doc:"DNSSEC (RFC 5910)"`
}

// DomainDeleteCall is the body of domain-delete.
type DomainDeleteCall struct {
	Account
	Domain string `json:"domain"`
}

// DomainRenewCall is the body of domain-renew.
type DomainRenewCall struct {
	Account
	Term
	Domain     string  `json:"domain"`
	CurExpDate string  `json:"curExpDate" doc:"When it expires now, as a date: 2027-03-01; or the exDate of domain-info. It protects against a double renewal, so it must be given"`
	Fee        *Agreed `json:"fee,omitempty" doc:"The price that you agree to pay (RFC 8748)"`
}

// Nameserver is a name server: a host's name, or an object with its addresses too. It is read by hosts, which knows
// where it stands.
type Nameserver struct{ raw []byte }

// host is a Nameserver that was read.
type host struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Nameserver) UnmarshalJSON(data []byte) error {
	n.raw = bytes.Clone(data)
	return nil
}

// host reads n, which stands at a place in the body.
func (n *Nameserver) host(at string, w *collector) (h host) {
	var into any = &h
	if len(n.raw) > 0 && n.raw[0] == '"' {
		into = &h.Name
	}
	err := mapping.DecodeJSON(n.raw, into)
	var fault *mapping.Fault
	switch {
	case errors.As(err, &fault):
		if fault.Member != "" {
			at += "." + fault.Member
		}
		w.add(at, fault.Why)
	case h.Name == "":
		w.add(at, "must not be empty")
	}
	return h
}

// Schema implements huma.SchemaProvider.
func (Nameserver) Schema(huma.Registry) *huma.Schema {
	str := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Description: "A host's name, or with its addresses where the registry has name servers as attributes",
		OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject, Required: []string{"name"},
			AdditionalProperties: false, Properties: map[string]*huma.Schema{
				"name": str, "addresses": {Type: huma.TypeArray, Items: str}}}},
	}
}

// collector gathers what is wrong with a call.
type collector []Wrong

func (c *collector) add(where, why string) { *c = append(*c, Wrong{"body." + where, why}) }

// name wants a member that is not empty.
func (c *collector) name(where, value string) {
	if strings.TrimSpace(value) == "" {
		c.add(where, "must not be empty")
	}
}

func (in *DomainCheckCall) command(r *registry) (mapping.Command, []Wrong) {
	var w collector
	names := in.Domains
	switch {
	case in.Domain != "" && names != nil:
		w.add("domain", "must not be there beside domains")
	case in.Domain != "":
		names = []string{in.Domain}
	case len(names) == 0:
		w.add("domain", "is missing")
	}
	most := r.CheckMax
	if most == 0 {
		most = 10
	}
	if len(names) > most {
		w.add("domains", "has more than the "+strconv.Itoa(most)+" names that the registry takes at once; use POST /v1/check")
	}
	for i, name := range names {
		w.name("domains["+strconv.Itoa(i)+"]", name)
	}
	return &mapping.CheckCommand{Of: mapping.DomainObject, Names: names, Fee: in.Fee.check(&w)}, w
}

// check is the fee part of a check.
func (f *FeeCheck) check(w *collector) *mapping.FeeCheck {
	if f == nil {
		return nil
	}
	check := &mapping.FeeCheck{Currency: f.Currency}
	commands := f.Commands
	if len(commands) == 0 {
		commands = []string{"create"}
	}
	for _, name := range commands {
		c := mapping.FeeCommand{Command: name}
		if f.Years != 0 {
			c.Period = period(f.Years, "y", "fee.years", w)
		}
		check.Commands = append(check.Commands, c)
	}
	return check
}

// period is a time in years or months.
func period(n int, unit, where string, w *collector) *mapping.Period {
	if n < 1 || n > 99 { // RFC 5731 section 4, pLimitType
		w.add(where, "must be 1 to 99")
	}
	return &mapping.Period{Value: n, Unit: unit}
}

// period is the term's; nil: none is given.
func (t *Term) period(w *collector) *mapping.Period {
	unit := t.Unit
	if unit == "" {
		unit = "y"
	}
	if unit != "y" && unit != "m" {
		w.add("unit", "must be y or m")
	}
	switch {
	case t.Period != 0 && t.Years != 0 && (t.Period != t.Years || unit != "y"):
		w.add("period", "says something else than years")
	case t.Period != 0:
		return period(t.Period, unit, "period", w)
	case t.Years != 0:
		return period(t.Years, "y", "years", w)
	case t.Unit != "":
		w.add("period", "is missing beside unit")
	}
	return nil
}

// nameservers are those of a call, in the form that the registry wants (RFC 5731 section 1.1).
func nameservers(all []Nameserver, r *registry, where string, w *collector) []mapping.Nameserver {
	var ns []mapping.Nameserver
	for i := range all {
		at := where + "[" + strconv.Itoa(i) + "]"
		n := all[i].host(at, w)
		if len(n.Addresses) > 0 && !r.HostAttr {
			w.add(at+".addresses", "the registry has hosts as objects of their own: create the host there, with its addresses")
		}
		ns = append(ns, mapping.Nameserver{Name: n.Name, Addresses: n.Addresses, Attribute: r.HostAttr})
	}
	return ns
}

// charge is the price that the caller agrees to.
func (a *Agreed) charge() *mapping.Charge {
	if a == nil {
		return nil
	}
	return &mapping.Charge{Currency: a.Currency, Fees: []mapping.Fee{{Amount: a.Amount}}}
}

func (in *DomainInfoCall) command(*registry) (mapping.Command, []Wrong) {
	var w collector
	w.name("domain", in.Domain)
	c := &mapping.DomainInfo{Name: in.Domain, Hosts: in.Hosts}
	if in.AuthPW != "" {
		c.AuthInfo = &mapping.AuthInfo{Password: in.AuthPW}
	}
	return c, w
}

func (in *DomainInfoCall) secrets() []string { return []string{in.PW, in.AuthPW} }

func (in *DomainCreateCall) command(r *registry) (mapping.Command, []Wrong) {
	var w collector
	w.name("domain", in.Domain)
	password := ""
	if in.Password == nil {
		w.add("password", "is missing; an empty one must be given as such")
	} else {
		password = *in.Password
	}
	c := &mapping.DomainCreate{Name: in.Domain, Period: in.period(&w), Registrant: in.Registrant,
		Nameservers: nameservers(in.Nameservers, r, "nameservers", &w),
		AuthInfo:    mapping.AuthInfo{Password: password}, SecDNS: in.SecDNS, Fee: in.Fee.charge()}
	for _, one := range []mapping.Contact{{Type: "admin", ID: in.Admin}, {Type: "billing", ID: in.Billing}, {Type: "tech", ID: in.Tech}} {
		if one.ID != "" {
			c.Contacts = append(c.Contacts, one)
		}
	}
	return c, w
}

func (in *DomainCreateCall) secrets() []string {
	return append(in.Account.secrets(), given(in.Password)...)
}

// given is the text that is given, if any.
func given(s *string) []string {
	if s == nil {
		return nil
	}
	return []string{*s}
}

func (in *DomainUpdateCall) command(r *registry) (mapping.Command, []Wrong) {
	var w collector
	w.name("domain", in.Domain)
	c := &mapping.DomainUpdate{Name: in.Domain, Registrant: in.Registrant,
		Add: mapping.DomainChange{Nameservers: nameservers(in.AddNS, r, "addNs", &w), Contacts: in.AddContacts,
			Status: statuses(in.AddStatus)},
		Rem: mapping.DomainChange{Nameservers: nameservers(in.RemNS, r, "remNs", &w), Contacts: in.RemContacts,
			Status: statuses(in.RemStatus)}}
	if in.AuthPW != nil {
		c.AuthInfo = &mapping.AuthInfo{Password: *in.AuthPW}
	}
	if in.AddSecDNS != nil || in.RemSecDNS != nil {
		c.SecDNS = &mapping.SecDNSUpdate{}
		if in.AddSecDNS != nil {
			c.SecDNS.Add = *in.AddSecDNS
		}
		if in.RemSecDNS != nil {
			c.SecDNS.Rem = *in.RemSecDNS
		}
	}
	if in.empty() {
		w.add("domain", "there is nothing to change")
	}
	return c, w
}

// empty reports whether nothing is to be changed.
func (in *DomainUpdateCall) empty() bool {
	return len(in.AddNS)+len(in.RemNS)+len(in.AddContacts)+len(in.RemContacts)+len(in.AddStatus)+len(in.RemStatus) == 0 &&
		in.Registrant == nil && in.AuthPW == nil && in.AddSecDNS == nil && in.RemSecDNS == nil
}

func (in *DomainUpdateCall) secrets() []string {
	return append(in.Account.secrets(), given(in.AuthPW)...)
}

func statuses(values []string) (all []mapping.Status) {
	for _, v := range values {
		all = append(all, mapping.Status{Value: v})
	}
	return all
}

func (in *DomainDeleteCall) command(*registry) (mapping.Command, []Wrong) {
	var w collector
	w.name("domain", in.Domain)
	return &mapping.DomainDelete{Name: in.Domain}, w
}

func (in *DomainRenewCall) command(*registry) (mapping.Command, []Wrong) {
	var w collector
	w.name("domain", in.Domain)
	if in.CurExpDate == "" {
		w.add("curExpDate", "is missing; domain-info tells it as exDate")
	}
	return &mapping.DomainRenew{Name: in.Domain, CurExpDate: dateOf(in.CurExpDate), Period: in.period(&w),
		Fee: in.Fee.charge()}, w
}

// dateOf is the date of an exDate as registries give it: a time, which is in UTC (RFC 5731 section 2.4). Other text
// stays, and is refused where it is no date.
func dateOf(s string) string {
	if _, err := time.Parse(time.RFC3339, s); err == nil && strings.HasSuffix(s, "Z") {
		return s[:len(time.DateOnly)]
	}
	return s
}

// memberPath is where in a body a member of a command stands.
func memberPath(member string) string {
	for _, m := range [...]struct{ of, is string }{
		{"names", "domains"}, {"name", "domain"}, {"add.nameservers", "addNs"}, {"rem.nameservers", "remNs"},
		{"add.contacts", "addContacts"}, {"rem.contacts", "remContacts"}, {"add.status", "addStatus"},
		{"rem.status", "remStatus"}, {"authInfo", "password"},
	} {
		if rest, ok := strings.CutPrefix(member, m.of); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return m.is + rest
		}
	}
	return member
}
