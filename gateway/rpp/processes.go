package rpp

import (
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// The processes as answers have them (J@0494c6c section 6.3).
type (
	renewProcess struct {
		Type       string `json:"@type"`
		ExpiryDate string `json:"expiryDate,omitempty"` // the new one
	}
	transferProcess struct {
		Type        string `json:"@type"`
		Status      string `json:"trStatus,omitempty"`
		Direction   string `json:"transferDir"`
		ReqClientID string `json:"reqClientId,omitempty"`
		RequestDate string `json:"requestDate,omitempty"`
		ActClientID string `json:"actClientId,omitempty"`
		ActionDate  string `json:"actionDate,omitempty"`
		ExpiryDate  string `json:"expiryDate,omitempty"` // of a domain
	}
	restoreProcess struct {
		Type   string `json:"@type"`
		Status string `json:"restoreStatus,omitempty"`
	}
)

// renew extends the registration of a domain. C@0f11225: 200 where the process is not kept.
func (c *call) renew() reply {
	if c.coll != domains {
		return c.no(codeUnimplemented, "only domains are renewed")
	}
	f := &faults{}
	cmd := &mapping.DomainRenew{Name: c.id}
	if o := f.objectOf(parse(c.body, f), "renewProcess", typeMay); o != nil {
		cmd.CurExpDate = f.readExpiry(o.take("expiryDate"))
		cmd.Period = f.readPeriod(o.take("renewalPeriod"))
		o.skip("processId")
		o.end()
	}
	if bad := c.noFaults(f); bad != nil {
		return *bad
	}
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	out := renewProcess{Type: "renewProcess"}
	if d, ok := a.Response.Data.(*mapping.Renewed); ok {
		out.ExpiryDate = utc(d.ExDate)
	}
	return c.done(effectNone, a, out)
}

// readExpiry reads the current expiry of a domain as the date of EPP, in UTC. C@0f11225 has a date,
// J@0494c6c a time, and may go without. own: it is demanded, since with it a registry refuses a second
// renewal; a look-up in its place would take that away.
func (f *faults) readExpiry(v value) string {
	s := f.str(v)
	if !v.present {
		f.add(codeMissing, v.path, "expiryDate is needed: that of now, which keeps a repeat from renewing again")
		return ""
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC().Format(time.DateOnly)
	}
	_, err := time.Parse(time.DateOnly, s)
	f.demand(v, err == nil, "expiryDate must be a date, or a time of RFC 3339")
	return s
}

// transfer asks for the transfer of a domain or contact to us.
func (c *call) transfer() reply {
	if c.coll == hosts {
		return c.no(codeUnimplemented, "hosts go with their domains")
	}
	f := &faults{}
	cmd := &mapping.TransferCommand{Of: c.object(), Op: "request", Name: c.id, AuthInfo: c.auth}
	if o := f.objectOf(parse(c.body, f), "transferProcess", typeMay); o != nil {
		dir := o.take("transferDir")
		switch f.str(dir) {
		case "pull", "": // D@57b0e3f: the server's policy where it is not said
		case "push":
			f.add(codeOption, dir.path, "EPP has no transfer that the sponsor begins")
		default:
			f.add(codeValue, dir.path, "transferDir must be pull")
		}
		if c.coll == domains {
			cmd.Period = f.readPeriod(o.take("transferPeriod"))
		}
		o.skip("processId", "trStatus", "reqClientId", "requestDate", "actClientId", "actionDate", "expiryDate")
		o.end()
	}
	if bad := c.noFaults(f); bad != nil {
		return *bad
	}
	// D@57b0e3f: who asks for a pull MUST give the object's password.
	if c.auth == nil {
		return c.no(codeMissing, "RPP-Authorization is needed: authinfo value=BASE64")
	}
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	r := c.done(effectCreated, a, showTransfer(a))
	r.location = c.location(c.id, "/processes/transferProcesses/latest")
	return r
}

// transferOp serves what is done with a transfer that there is.
func transferOp(op string) func(*call) reply {
	return func(c *call) reply {
		if c.coll == hosts {
			return c.no(codeUnimplemented, "hosts go with their domains")
		}
		if bad := c.readTransferOp(op); bad != nil {
			return *bad
		}
		if bad := c.useRegistry(c.id, namedByPath); bad != nil {
			return *bad
		}
		a, bad := c.do(&mapping.TransferCommand{Of: c.object(), Op: op, Name: c.id, AuthInfo: c.auth})
		if bad != nil {
			return *bad
		}
		return c.done(effectNone, a, showTransfer(a))
	}
}

// readTransferOp reads the body of an approve or reject. J@0494c6c wants an empty object and, of domains,
// no body; C@0f11225 none. own: all are taken. D@57b0e3f: a reason MUST NOT be in the EPP profile.
func (c *call) readTransferOp(op string) *reply {
	if len(c.body) == 0 {
		return nil
	}
	f := &faults{}
	if o := f.objectOf(parse(c.body, f), "transferProcess", typeMay); o != nil {
		if at := o.take("reason"); at.present && op == "reject" {
			f.add(codeOption, at.path, "EPP has no place for the reason of a reject")
		}
		o.end()
	}
	return c.noFaults(f)
}

func showTransfer(a carry.Answer) transferProcess {
	// own: EPP does not say who began; it knows pulls only.
	out := transferProcess{Type: "transferProcess", Direction: "pull"}
	if t, ok := a.Response.Data.(*mapping.Transfer); ok {
		out.Status, out.ReqClientID, out.RequestDate = t.Status, t.ReID, utc(t.ReDate)
		out.ActClientID, out.ActionDate, out.ExpiryDate = t.AcID, utc(t.AcDate), utc(t.ExDate)
	}
	return out
}

// restore asks for a deleted domain back (RFC 3915 section 4.2.5, op request).
func (c *call) restore() reply {
	f := &faults{}
	if len(c.body) > 0 {
		if o := f.objectOf(parse(c.body, f), "restoreProcess", typeMay); o != nil {
			if at := o.take("restoreReport"); at.present {
				f.add(codeOption, at.path,
					"EPP has no restore in one step: the report goes to …/restoreProcesses/latest/report")
			}
			o.skip("processId", "restoreStatus", "requestDate", "reportDate", "reportDueDate")
			o.end()
		}
	}
	return c.restoreBy(f, &mapping.DomainUpdate{Name: c.id, Restore: true}, "pendingRestore")
}

// report gives the report that ends a restore (op report).
func (c *call) report() reply {
	f := &faults{}
	cmd := &mapping.DomainUpdate{Name: c.id}
	if o := f.objectOf(parse(c.body, f), "restoreProcess", typeMay); o != nil {
		cmd.Report = f.readReport(o.take("restoreReport"))
		o.skip("processId", "restoreStatus", "requestDate", "reportDate", "reportDueDate")
		o.end()
	}
	return c.restoreBy(f, cmd, "restored")
}

// restoreBy carries a step of a restore. otherwise is the state where the registry says none, and has
// carried the step out.
func (c *call) restoreBy(f *faults, cmd *mapping.DomainUpdate, otherwise string) reply {
	if c.coll != domains {
		return c.no(codeUnimplemented, "only domains are restored")
	}
	if bad := c.noFaults(f); bad != nil {
		return *bad
	}
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	out := restoreProcess{"restoreProcess", otherwise}
	if code(a) == codePending {
		out.Status = "pendingRestore"
	}
	for _, s := range a.Response.RGP {
		switch s.Value {
		case "pendingRestore":
			out.Status = s.Value
		case "pendingDelete":
			out.Status = "rgpPendingDelete"
		}
	}
	return c.done(effectNone, a, out)
}

// readReport reads a restore report. D@57b0e3f, EPP profile: restoreTime and two statements MUST be there;
// RFC 3915 section 4.2.5 has no element but other that may be missing.
func (f *faults) readReport(v value) *mapping.RestoreReport {
	if !v.present {
		f.add(codeMissing, v.path, "restoreReport is needed")
		return nil
	}
	o := f.objectOf(v, "restoreReport", typeMay)
	if o == nil {
		return nil
	}
	r := &mapping.RestoreReport{
		PreData: o.need("preData"), PostData: o.need("postData"), ResReason: o.need("restoreReason"),
		Other:   o.str("other"),
		DelTime: f.readTime(o, "deleteTime"), ResTime: f.readTime(o, "restoreTime"),
	}
	list := o.list("statements")
	for _, s := range list {
		r.Statements = append(r.Statements, f.str(s))
	}
	if len(list) != 2 {
		f.add(codeMissing, v.path+".statements", "there must be two statements")
	}
	o.end()
	return r
}

// readTime reads a time that must be there, and returns it in UTC.
func (f *faults) readTime(o *object, member string) string {
	s := o.need(member)
	if s == "" {
		return ""
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		f.add(codeValue, o.v.path+step(member), "this must be a time of RFC 3339")
	}
	return t.UTC().Format(time.RFC3339Nano)
}
