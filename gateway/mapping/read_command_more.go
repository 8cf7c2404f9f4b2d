package mapping

func (r *commandReader) domainCreate(o element) Command {
	c := &DomainCreate{
		Name: o.tokenOf("name"), Period: r.period(o), Nameservers: o.same("ns").nameservers(),
		Registrant: o.tokenOf("registrant"), Contacts: o.contacts(),
		SecDNS: r.secDNS(r.extended(inSecDNS, "create")), TTL: r.ttls("create"), Fee: r.agreed("create"),
	}
	if a := r.authInfo(o); a != nil {
		c.AuthInfo = *a
	}
	return c
}

// contacts are those of a domain.
func (e element) contacts() []Contact {
	var all []Contact
	for c := range e.children {
		if c.named(inDomain, "contact") {
			all = append(all, Contact{Type: c.value("type"), ID: c.token()})
		}
	}
	return all
}

func (r *commandReader) domainUpdate(o element) Command {
	change := func(e element) DomainChange {
		return DomainChange{Nameservers: e.same("ns").nameservers(), Contacts: e.contacts(),
			Status: e.statuses("status")}
	}
	c := &DomainUpdate{
		Name: o.tokenOf("name"), Add: change(o.same("add")), Rem: change(o.same("rem")),
		SecDNS: r.secDNSUpdate(), TTL: r.ttls("update"), Fee: r.agreed("update"),
	}
	chg := o.same("chg")
	if id := chg.same("registrant"); id.is() {
		text := id.token()
		c.Registrant = &text
	}
	authInfo := chg.same("authInfo")
	if c.NoAuthInfo = authInfo.same("null").is(); !c.NoAuthInfo {
		c.AuthInfo = r.authInfo(chg)
	}
	r.lost(authInfo, c.NoAuthInfo && authInfo.same("pw").is())
	r.restore(c)
	return c
}

// restore reads the extension of RFC 3915.
func (r *commandReader) restore(c *DomainUpdate) {
	x := r.extended(inRGP, "update")
	if !x.is() {
		return
	}
	restore := x.same("restore")
	report := restore.same("report")
	for c := range report.children {
		lang := c.value("lang")
		r.lost(c, lang != "" && lang != "en")
	}
	switch op := restore.value("op"); {
	case op == "request" && !report.is():
		c.Restore = true
	case op == "report" && report.is():
		c.Report = report.report()
	default:
		r.strange(x)
	}
}

// report reads a report; its texts are as they are.
func (e element) report() *RestoreReport {
	r := &RestoreReport{
		PreData: e.same("preData").raw(), PostData: e.same("postData").raw(), DelTime: e.tokenOf("delTime"),
		ResTime: e.tokenOf("resTime"), ResReason: e.same("resReason").raw(), Other: e.same("other").raw(),
	}
	for c := range e.children {
		if c.local() == "statement" {
			r.Statements = append(r.Statements, c.raw())
		}
	}
	return r
}

// secDNS reads what is of secDNS:dsOrKeyType or remType; nil for none.
func (r *commandReader) secDNS(e element) *SecDNS {
	if !e.is() {
		return nil
	}
	s, records := e.secDNS(), 0
	for c := range e.children {
		if local := c.local(); local == "dsData" || local == "keyData" {
			records++
		}
	}
	r.lost(e, records != len(s.DS)+len(s.Keys) || e.same("maxSigLife").is() && s.MaxSigLife == 0)
	i := 0
	for c := range e.children {
		if r.fault == nil && c.named(inSecDNS, "dsData") {
			r.lost(c, c.same("keyData").is() && s.DS[i].Key == nil)
			i++
		}
	}
	return s
}

// secDNSUpdate is nil where the command has none.
func (r *commandReader) secDNSUpdate() *SecDNSUpdate {
	x := r.extended(inSecDNS, "update")
	if !x.is() {
		return nil
	}
	all := x.same("rem").same("all")
	u := &SecDNSUpdate{Urgent: isTrue(x.value("urgent")), RemAll: isTrue(all.token())}
	r.lost(all, !u.RemAll)
	for _, part := range []struct {
		name string
		to   *SecDNS
	}{{"rem", &u.Rem}, {"add", &u.Add}} {
		if s := r.secDNS(x.same(part.name)); s != nil {
			*part.to = *s
		}
	}
	if s := r.secDNS(x.same("chg")); s != nil {
		u.MaxSigLife = s.MaxSigLife
	}
	return u
}

// ttlInfo reports whether the command asks for times to live.
func (r *commandReader) ttlInfo() bool {
	x := r.extended(inTTL, "info")
	r.lost(x, isTrue(x.value("policy")))
	return x.is()
}

// ttls reads the times to live of a command.
func (r *commandReader) ttls(verb string) []TTL {
	x := r.extended(inTTL, verb)
	if !x.is() || r.fault != nil {
		return nil
	}
	all, i := x.ttls(), 0
	for c := range x.children {
		r.lost(c, all[i].Seconds == nil && c.token() != "")
		i++
	}
	return all
}

// feeCheck is nil where nobody asks for prices.
func (r *commandReader) feeCheck() *FeeCheck {
	x := r.extended(inFee, "check")
	if !x.is() {
		return nil
	}
	f := &FeeCheck{Currency: x.tokenOf("currency")}
	for c := range x.children {
		if c.named(inFee, "command") {
			r.period(c)
			f.Commands = append(f.Commands, c.feeCommand())
		}
	}
	return f
}

// agreed is what the caller agrees to pay; nil where it does not say so.
func (r *commandReader) agreed(verb string) *Charge {
	x := r.extended(inFee, verb)
	if !x.is() {
		return nil
	}
	return x.charge()
}
