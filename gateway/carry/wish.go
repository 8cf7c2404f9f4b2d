package carry

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/gateway/mapping"
)

const (
	domainNS  = "urn:ietf:params:xml:ns:domain-1.0"
	hostNS    = "urn:ietf:params:xml:ns:host-1.0"
	contactNS = "urn:ietf:params:xml:ns:contact-1.0"
)

// plainExtensions are those that do not change what a command does to its object.
var plainExtensions = map[string]bool{
	"urn:ietf:params:xml:ns:secDNS-1.1":  true,
	"urn:ietf:params:xml:ns:epp:fee-1.0": true,
	"urn:ietf:params:xml:ns:epp:ttl-1.0": true,
}

// wish is what a transform of an object asks for.
type wish struct {
	plain     bool // it can be settled: no extension changes what it does
	command   frame.Command
	namespace string // of its object
	clTRID    string
	object    wishObject
}

// wishObject has the elements of any of the commands, as far as they are compared. An extension of the
// registry in the same names would have another namespace than the object, and be in no command whose
// extensions are plain.
type wishObject struct {
	Name       string   `xml:"name"`
	ID         string   `xml:"id"`
	Period     *period  `xml:"period"`
	CurExpDate string   `xml:"curExpDate"`
	HostObj    []string `xml:"ns>hostObj"`
	HostName   []string `xml:"ns>hostAttr>hostName"`
	Registrant string   `xml:"registrant"`
	Contacts   []struct {
		Type string `xml:"type,attr"`
		ID   string `xml:",chardata"`
	} `xml:"contact"`
	Addresses []string `xml:"addr"`
	Email     string   `xml:"email"`
}

// servers are the names of the domain's name servers.
func (o *wishObject) servers() (all []string) {
	for _, s := range append(o.HostObj, o.HostName...) {
		all = append(all, strings.TrimSpace(s))
	}
	return all
}

// wishOf reads a command; nil: it is no transform of an object.
func wishOf(payload []byte) *wish {
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil || m.Kind != frame.KindCommand {
		return nil
	}
	w := &wish{plain: true, command: m.Command, namespace: string(m.Object), clTRID: string(m.ClTRID.Value)}
	for _, ns := range m.Extensions {
		w.plain = w.plain && plainExtensions[string(ns)]
	}
	var doc struct {
		Create   *wishObject `xml:"command>create>create"`
		Renew    *wishObject `xml:"command>renew>renew"`
		Delete   *wishObject `xml:"command>delete>delete"`
		Transfer *wishObject `xml:"command>transfer>transfer"`
		Update   *wishObject `xml:"command>update>update"`
	}
	if xml.Unmarshal(m.Payload, &doc) != nil {
		return nil
	}
	var o *wishObject
	switch m.Command {
	case frame.CommandCreate:
		o = doc.Create
	case frame.CommandRenew:
		o = doc.Renew
	case frame.CommandDelete:
		o = doc.Delete
	case frame.CommandTransfer:
		o, w.plain = doc.Transfer, w.plain && m.Op == frame.OpRequest
	case frame.CommandUpdate:
		o, w.plain = doc.Update, false
	}
	if o == nil {
		return nil
	}
	w.object = *o
	for _, s := range []*string{&w.object.Name, &w.object.ID, &w.object.CurExpDate, &w.object.Registrant, &w.object.Email} {
		*s = strings.TrimSpace(*s)
	}
	return w
}

// named is the name or id of the object, in lower case.
func (w *wish) named() string {
	if w.namespace == contactNS {
		return strings.ToLower(w.object.ID)
	}
	return strings.ToLower(w.object.Name)
}

// period is a time of years or months, as RFC 5731 writes it.
type period struct {
	Value string `xml:",chardata"`
	Unit  string `xml:"unit,attr"`
}

// leads reports whether the period leads from one date to the other, of which the days count. A day that
// the month does not have is its last day, or the first of the next.
func (p *period) leads(from, to string) bool {
	start, ok := day(from)
	end, ok2 := day(to)
	n, err := strconv.Atoi(strings.TrimSpace(p.Value))
	if !ok || !ok2 || err != nil || n < 1 || n > 99 {
		return false
	}
	months := 12 * n
	if p.Unit == "m" {
		months = n
	}
	then := start.AddDate(0, months, 0)
	return end.Equal(then) || then.Day() != start.Day() && end.Equal(then.AddDate(0, 0, -then.Day()))
}

// day reads the date in a registry's time, or a date.
func day(s string) (time.Time, bool) {
	if len(s) < len(time.DateOnly) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
	return t, err == nil
}

// payload is a finding as an answer to the command, with the svTRID of the look. So it is kept, and told to
// callers of raw XML.
func (f *finding) payload(w *wish) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response>`+
		`<result code="%d"><msg>%s; found by a look at the registry</msg></result>`, f.code, frame.Code(f.code).Text())
	f.writeData(&b, w)
	b.WriteString("<trID>")
	if w.clTRID != "" {
		element(&b, "clTRID", w.clTRID)
	}
	element(&b, "svTRID", f.by.SvTRID)
	b.WriteString("</trID></response></epp>")
	return b.Bytes()
}

// writeData writes the resData, in the namespace of the object. Elements that are not known are left out.
func (f *finding) writeData(b *bytes.Buffer, w *wish) {
	name := "name"
	if w.namespace == contactNS {
		name = "id"
	}
	var root string
	var members [][2]string
	switch d := f.data.(type) {
	case *mapping.Created:
		root, members = "creData", [][2]string{{name, d.Name}, {"crDate", d.CrDate}, {"exDate", d.ExDate}}
	case *mapping.Renewed:
		root, members = "renData", [][2]string{{name, d.Name}, {"exDate", d.ExDate}}
	case *mapping.Transfer:
		root, members = "trnData", [][2]string{{name, d.Name}, {"trStatus", d.Status}, {"reID", d.ReID}, {"reDate", d.ReDate},
			{"acID", d.AcID}, {"acDate", d.AcDate}, {"exDate", d.ExDate}}
	default:
		return
	}
	fmt.Fprintf(b, `<resData><%s xmlns="%s">`, root, w.namespace)
	for _, m := range members {
		if m[1] != "" {
			element(b, m[0], m[1])
		}
	}
	fmt.Fprintf(b, "</%s></resData>", root)
}

func element(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // writing to a Buffer does not fail
	b.WriteString("</" + name + ">")
}
