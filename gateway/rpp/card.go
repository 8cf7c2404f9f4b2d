package rpp

import (
	"regexp"
	"strings"

	"eppmux/gateway/mapping"
)

// card is a JSContact card (RFC 9553, version 2.0 by RFC 9982) as far as J@0494c6c has it.
type (
	card struct {
		Type          string              `json:"@type"`
		Version       string              `json:"version"`
		Name          *cardName           `json:"name,omitempty"`
		Organizations map[string]cardOrg  `json:"organizations,omitempty"`
		Addresses     map[string]cardAddr `json:"addresses,omitempty"`
		Phones        map[string]phone    `json:"phones,omitempty"`
		Emails        map[string]email    `json:"emails,omitempty"`
		Localizations map[string]local    `json:"localizations,omitempty"`
	}
	cardName struct {
		Full string `json:"full"`
	}
	cardOrg struct {
		Name string `json:"name"`
	}
	cardAddr struct {
		Components  []component `json:"components,omitempty"`
		CountryCode string      `json:"countryCode,omitempty"`
	}
	component struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
	}
	phone struct {
		Number   string          `json:"number"`
		Features map[string]bool `json:"features,omitempty"`
	}
	email struct {
		Address string `json:"address"`
	}
	// local has what is localized, whole: J@0494c6c forbids paths as keys.
	local struct {
		Name          *cardName           `json:"name,omitempty"`
		Organizations map[string]cardOrg  `json:"organizations,omitempty"`
		Addresses     map[string]cardAddr `json:"addresses,omitempty"`
	}
)

// cardVersion is that of J@0494c6c; S@0180eea has 1.0.
const cardVersion = "2.0"

// undetermined is the language of the other form of an address: EPP does not say it (RFC 5646).
const undetermined = "und"

// showContact returns a contact as answers have it, without its password. own: the address in ASCII is the
// card's, the other its localization; where there is one, it is the card's.
func showContact(p *mapping.Person) *contact {
	c := card{Type: "Card", Version: cardVersion}
	for i := range p.PostalInfo {
		info := &p.PostalInfo[i]
		l := showPostal(info)
		if info.Type == "loc" && len(p.PostalInfo) > 1 {
			c.Localizations = map[string]local{undetermined: l}
		} else {
			c.Name, c.Organizations, c.Addresses = l.Name, l.Organizations, l.Addresses
		}
	}
	phones := make(map[string]phone)
	if p.Voice != nil && p.Voice.Number != "" {
		phones["voice"] = phone{Number: showNumber(p.Voice)}
	}
	if p.Fax != nil && p.Fax.Number != "" {
		phones["fax"] = phone{showNumber(p.Fax), map[string]bool{"fax": true}}
	}
	if len(phones) > 0 {
		c.Phones = phones
	}
	if p.Email != "" {
		c.Emails = map[string]email{"email": {p.Email}}
	}
	out := &contact{
		Type: "contact", ID: p.ID, ProvMetadata: showProv(p.ROID, p.ClID, p.CrID, p.CrDate, p.UpID, p.UpDate, p.TrDate),
		Status: showStatus(p.Status, nil),
	}
	// A registry that hides a contact answers its id and little else.
	if c.Name != nil || c.Addresses != nil || c.Phones != nil || c.Emails != nil {
		out.ContactInfo = &c
	}
	return out
}

func showPostal(p *mapping.PostalInfo) (l local) {
	if p.Name != "" {
		l.Name = &cardName{p.Name}
	}
	if p.Org != "" {
		l.Organizations = map[string]cardOrg{"org": {p.Org}}
	}
	a := cardAddr{CountryCode: p.Country}
	// own: J has one place for three lines of a street, so they are components in their order.
	for _, s := range p.Street {
		a.Components = append(a.Components, component{"name", s})
	}
	for _, part := range []component{{"locality", p.City}, {"region", p.SP}, {"postcode", p.PC}} {
		if part.Value != "" {
			a.Components = append(a.Components, part)
		}
	}
	if a.CountryCode != "" || a.Components != nil {
		l.Addresses = map[string]cardAddr{"addr": a}
	}
	return l
}

// showNumber is a number with its extension. J@0494c6c section 6.1.3.
func showNumber(p *mapping.Phone) string {
	if p.X != "" {
		return p.Number + " x" + p.X
	}
	return p.Number
}

// cardPart is what a card says, as far as it is there.
type cardPart struct {
	name, org  string
	addr       *mapping.PostalInfo // street, city, sp, pc, cc
	voice, fax *mapping.Phone
	email      string
}

// readContact reads the body of a create.
func (f *faults) readContact(v value) *mapping.ContactCreate {
	o := f.objectOf(v, "contact", typeMust)
	if o == nil {
		return nil
	}
	p := &mapping.ContactCreate{}
	p.ID = o.needToken("id")
	at := o.take("contactInfo")
	if !at.present {
		f.add(codeMissing, at.path, "contactInfo is needed")
	}
	c := f.readCard(at)
	c.whole(f, at)
	p.PostalInfo = []mapping.PostalInfo{c.postal(formOf(c))}
	p.Voice, p.Fax, p.Email = c.voice, c.fax, c.email
	p.AuthInfo = f.readAuthInfo(o.take("authInfo"))
	o.skip("provMetadata", "status", "processes")
	o.end()
	return p
}

// formOf is the type of postalInfo that can hold c. RFC 5733 section 2.4.1: int is a subset of Unicode that
// seven bits can hold.
func formOf(c cardPart) string {
	texts := []string{c.name, c.org}
	if a := c.addr; a != nil {
		texts = append(append(texts, a.Street...), a.City, a.SP, a.PC)
	}
	for _, b := range []byte(strings.Join(texts, "")) {
		if b > 0x7e {
			return "loc"
		}
	}
	return "int"
}

// postal is c's postalInfo of a type.
func (c *cardPart) postal(form string) mapping.PostalInfo {
	var p mapping.PostalInfo
	if c.addr != nil {
		p = *c.addr
	}
	p.Type, p.Name, p.Org = form, c.name, c.org
	return p
}

// whole says what a new card lacks. J@0494c6c, EPP profile: a full name, a locality, a country code and an
// address of e-mail MUST be there.
func (c *cardPart) whole(f *faults, v value) {
	if v.kind != kindObject {
		return
	}
	lack := func(missing bool, member string) {
		if missing && len(f.list) == 0 {
			f.add(codeMissing, v.path+member, "this is needed")
		}
	}
	lack(c.name == "", ".name.full")
	lack(c.addr == nil, ".addresses.addr")
	lack(c.email == "", ".emails.email.address")
}

// readCard reads a card, or what is there of it.
func (f *faults) readCard(v value) (c cardPart) {
	o := f.objectOf(v, "Card", typeMay)
	if o == nil {
		return c
	}
	if version := o.take("version"); version.present && f.str(version) != cardVersion {
		f.add(codeValue, version.path, "version must be "+cardVersion)
	}
	// EPP has no place for the kind of a contact, which says nothing of how it is reached.
	if k := o.take("kind"); k.present {
		s := f.str(k)
		f.demand(k, s == "individual" || s == "org", "kind must be individual or org")
	}
	c.name = f.readCardName(o.take("name"))
	c.org = f.readOrg(f.only(o.take("organizations"), "org"))
	c.addr = f.readAddr(f.only(o.take("addresses"), "addr"))
	c.email = f.readEmail(f.only(o.take("emails"), "email"))
	if p := f.objectOf(o.take("phones"), "", typeMay); p != nil {
		c.voice, c.fax = f.readPhone(p.take("voice"), false), f.readPhone(p.take("fax"), true)
		p.end()
	}
	// S@0180eea forbids localizations in requests.
	for _, name := range []string{"localizations", "language", "links"} {
		if at := o.take(name); at.present {
			f.add(codeOption, at.path, "this has no form in EPP")
		}
	}
	o.end()
	return c
}

// only reads the one entry of a map, which has the key that J@0494c6c gives it.
func (f *faults) only(v value, key string) value {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return value{}
	}
	at := o.take(key)
	o.end()
	return at
}

func (f *faults) readCardName(v value) string {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return ""
	}
	full := o.need("full")
	// The parts of a name say again what full says.
	o.skip("components", "@type")
	o.end()
	return full
}

func (f *faults) readOrg(v value) string {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return ""
	}
	name := o.need("name")
	o.skip("@type")
	o.end()
	return name
}

func (f *faults) readEmail(v value) string {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return ""
	}
	address := o.need("address")
	o.skip("@type")
	o.end()
	return address
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

func (f *faults) readAddr(v value) *mapping.PostalInfo {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return nil
	}
	p := &mapping.PostalInfo{}
	cc := o.take("countryCode")
	p.Country = f.str(cc)
	f.demand(cc, countryCode.MatchString(p.Country), "countryCode is needed: two capital letters")
	for _, item := range o.list("components") {
		c := f.objectOf(item, "", typeMay)
		if c == nil {
			continue
		}
		at, text := c.take("kind"), c.need("value")
		c.skip("@type")
		c.end()
		f.component(p, at, text)
	}
	if p.City == "" && len(f.list) == 0 {
		f.add(codeMissing, v.path+".components", "a component of kind locality is needed")
	}
	o.skip("@type")
	o.end()
	return p
}

// component puts a component of an address in its place.
func (f *faults) component(p *mapping.PostalInfo, at value, text string) {
	place := map[string]*string{"locality": &p.City, "region": &p.SP, "postcode": &p.PC}[f.str(at)]
	switch {
	case at.text == "name" && len(p.Street) < 3:
		p.Street = append(p.Street, text)
	case at.text == "name":
		f.add(codeOption, at.path, "a street has three lines at most")
	case at.text == "country": // countryCode says it
	case place == nil:
		f.add(codeOption, at.path, "kind must be name, locality, region, postcode or country")
	case *place != "":
		f.add(codeValue, at.path, "this kind is there twice")
	default:
		*place = text
	}
}

// The forms of a number. J@0494c6c: +CC.N is its type, tel: (RFC 3966) is in its examples. own: both are
// taken; of a tel: the country's code is what stands before the first hyphen.
var (
	eppNumber = regexp.MustCompile(`^(\+[0-9]{1,3}\.[0-9]{1,14})(?: x([0-9]+))?$`)
	telNumber = regexp.MustCompile(`^tel:(\+[0-9]{1,3})-([0-9-]{1,28})(?:;ext=([0-9]+))?$`)
)

func (f *faults) readPhone(v value, isFax bool) *mapping.Phone {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return nil
	}
	p := f.readNumber(o.take("number"))
	features := o.take("features")
	if o2 := f.objectOf(features, "", typeMay); o2 != nil {
		for i, name := range o2.v.names {
			good := o2.v.items[i].kind == kindBool && (name == "fax") == isFax
			f.demand(o2.v.items[i], good, "features must fit: fax for a fax, and not for a voice")
		}
	}
	o.skip("@type")
	o.end()
	return p
}

func (f *faults) readNumber(v value) *mapping.Phone {
	s := f.str(v)
	if !v.present {
		f.add(codeMissing, v.path, "number is needed")
		return nil
	}
	if m := eppNumber.FindStringSubmatch(s); m != nil {
		return &mapping.Phone{Number: m[1], X: m[2]}
	}
	if m := telNumber.FindStringSubmatch(s); m != nil {
		if n := strings.ReplaceAll(m[2], "-", ""); n != "" && len(n) <= 14 {
			return &mapping.Phone{Number: m[1] + "." + n, X: m[3]}
		}
	}
	f.add(codeValue, v.path,
		"a number must be as +47.55000000 or tel:+47-55000000, with \" x12\" or \";ext=12\" behind it")
	return nil
}
