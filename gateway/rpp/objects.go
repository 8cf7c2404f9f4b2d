package rpp

import (
	"strings"
	"time"

	"eppmux/gateway/mapping"
)

// The objects as answers have them. J@0494c6c has their shapes, D@57b0e3f what they mean.
type (
	domainName struct {
		Type             string        `json:"@type"`
		Name             string        `json:"name"`
		ProvMetadata     *provMetadata `json:"provMetadata,omitempty"`
		Status           []status      `json:"status,omitempty"`
		Registrant       *contactRef   `json:"registrant,omitempty"`
		Contacts         []labelled    `json:"contacts,omitempty"`
		Nameservers      []hostRef     `json:"nameservers,omitempty"`
		DNS              *dnsData      `json:"dns,omitempty"`
		SubordinateHosts []hostRef     `json:"subordinateHosts,omitempty"`
		ExpiryDate       string        `json:"expiryDate,omitempty"`
		AuthInfo         *authInfo     `json:"authInfo,omitempty"`
	}
	host struct {
		Type         string        `json:"@type"`
		HostName     string        `json:"hostName"`
		ProvMetadata *provMetadata `json:"provMetadata,omitempty"`
		Status       []status      `json:"status,omitempty"`
		DNS          *dnsData      `json:"dns,omitempty"`
	}
	contact struct {
		Type         string        `json:"@type"`
		ID           string        `json:"id"`
		ProvMetadata *provMetadata `json:"provMetadata,omitempty"`
		Status       []status      `json:"status,omitempty"`
		ContactInfo  *card         `json:"contactInfo,omitempty"`
		AuthInfo     *authInfo     `json:"authInfo,omitempty"`
	}

	provMetadata struct {
		Type         string `json:"@type"`
		RepositoryID string `json:"repositoryId,omitempty"`
		SpClientID   string `json:"spClientId,omitempty"`
		CrClientID   string `json:"crClientId,omitempty"`
		CrDate       string `json:"crDate,omitempty"`
		UpClientID   string `json:"upClientId,omitempty"`
		UpDate       string `json:"upDate,omitempty"`
		TrDate       string `json:"trDate,omitempty"`
	}
	status struct {
		Type   string `json:"@type"`
		Label  string `json:"label"`
		Reason string `json:"reason,omitempty"`
	}
	contactRef struct {
		Type string `json:"@type"`
		ID   string `json:"id"`
	}
	hostRef struct {
		Type     string `json:"@type"`
		HostName string `json:"hostName"`
	}
	labelled struct {
		Label  string     `json:"label"`
		Object contactRef `json:"object"`
	}
	authInfo struct {
		Type     string `json:"@type"`
		Method   string `json:"method"`
		AuthData string `json:"authdata"`
	}
)

// String hides the password.
func (a *authInfo) String() string { return "authInfo" }

// GoString hides the password.
func (a *authInfo) GoString() string { return "authInfo" }

func showAuthInfo(a *mapping.AuthInfo) *authInfo {
	if a == nil || a.Password == "" {
		return nil
	}
	return &authInfo{"authInfo", "authinfo", a.Password}
}

// showProv returns the provisioning metadata, nil where the registry gave none.
func showProv(roid, clID, crID, crDate, upID, upDate, trDate string) *provMetadata {
	p := provMetadata{"", roid, clID, crID, utc(crDate), upID, utc(upDate), utc(trDate)}
	if p == (provMetadata{}) {
		return nil
	}
	p.Type = "provMetadata"
	return &p
}

// showStatus returns the statuses, those of grace periods behind (RFC 3915).
func showStatus(all, rgp []mapping.Status) (out []status) {
	for _, s := range all {
		out = append(out, status{"status", s.Value, s.Text})
	}
	for _, s := range rgp {
		out = append(out, status{"status", rgpLabel(s.Value), s.Text})
	}
	return out
}

// rgpLabel is the label of a state of RFC 3915. J@0494c6c: addPeriod; D@57b0e3f: rgpAddPeriod. own: J's,
// which both have for pendingDelete, that is a status of EPP also.
func rgpLabel(state string) string {
	if state == "pendingDelete" {
		return "rgpPendingDelete"
	}
	return state
}

// utc is a time of a registry as J@0494c6c wants it: RFC 3339 in UTC, with Z. One that cannot be read so is
// as the registry wrote it.
func utc(s string) string {
	if s == "" {
		return ""
	}
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02Z07:00",
		time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return s
}

// readContactRef reads a reference to a contact; "" where it is absent.
func (f *faults) readContactRef(v value) string {
	o := f.objectOf(v, "contact", typeMay)
	if o == nil {
		return ""
	}
	id := o.needToken("id")
	o.end()
	return id
}

// readHostRef reads a reference to a host.
func (f *faults) readHostRef(v value) string {
	o := f.objectOf(v, "host", typeMay)
	if o == nil {
		return ""
	}
	name := o.take("hostName")
	s := f.str(name)
	if !name.present {
		f.add(codeMissing, name.path, "hostName is needed")
	} else if s != "" && !goodName(s) {
		f.add(codeValue, name.path, "this is no name of the DNS")
	}
	o.end()
	return s
}

// roles are the labels of a domain's contacts in EPP (RFC 5731, contactAttrType).
var roles = []string{"admin", "billing", "tech"}

// readLabelled reads a contact of a domain.
func (f *faults) readLabelled(v value) mapping.Contact {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return mapping.Contact{}
	}
	c := mapping.Contact{Type: f.readRole(o.take("label"))}
	obj := o.take("object")
	if !obj.present {
		f.add(codeMissing, obj.path, "object is needed")
	}
	c.ID = f.readContactRef(obj)
	o.end()
	return c
}

func (f *faults) readRole(v value) string {
	s := f.str(v)
	switch {
	case !v.present:
		f.add(codeMissing, v.path, "label is needed")
	case s != "" && s != "admin" && s != "billing" && s != "tech":
		f.add(codeValue, v.path, "label must be one of "+strings.Join(roles, ", "))
	}
	return s
}

// readAuthInfo reads the password of a new or changed object. J@0494c6c has it in the schemas of create and
// update, and refuses it in all bodies by rule 26. own: it is taken in those two.
func (f *faults) readAuthInfo(v value) *mapping.AuthInfo {
	o := f.objectOf(v, "authInfo", typeMay)
	if o == nil {
		return nil
	}
	method := o.take("method")
	if m := f.str(method); m != "" && m != "authinfo" {
		f.add(codeOption, method.path, "the one method here is authinfo")
	}
	if !method.present {
		f.add(codeMissing, method.path, "method is needed")
	}
	pw := o.need("authdata")
	o.end()
	if pw == "" {
		return nil
	}
	return &mapping.AuthInfo{Password: pw}
}

// readPeriod reads a period; nil where it is absent.
func (f *faults) readPeriod(v value) *mapping.Period {
	o := f.objectOf(v, "period", typeMay)
	if o == nil {
		return nil
	}
	n, unit := o.take("value"), o.take("unit")
	p := &mapping.Period{Value: f.integer(n, 1, 99), Unit: f.str(unit)}
	if !n.present {
		f.add(codeMissing, n.path, "value is needed")
	}
	if p.Unit != "y" && p.Unit != "m" {
		f.add(codeValue, unit.path, "unit must be y or m")
	}
	o.end()
	return p
}
