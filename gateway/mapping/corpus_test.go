package mapping

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
)

// corpus gives the frames of other projects in a folder, by name.
func corpus(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(beside(t, "corpus", folder), "*.xml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no frames: %v", err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[folder+"/"+filepath.Base(name)] = data
	}
	return all
}

// branch is an element as encoding/xml sees it.
type branch struct {
	name  xml.Name
	in    string            // the local name of the element around it
	attrs map[string]string // without a namespace
	text  string            // collapsed, without that of children
	kids  []*branch
}

// grown is a payload as encoding/xml sees it.
func grown(payload []byte) (*branch, error) {
	d := frame.NewDecoder(payload)
	root, own := &branch{}, ""
	for open := []*branch{root}; ; {
		token, err := d.Token()
		top := open[len(open)-1]
		switch token := token.(type) {
		case nil:
			if err != io.EOF {
				return nil, err
			}
			return root.kids[0], nil
		case xml.StartElement:
			b := &branch{name: token.Name, in: top.name.Local, attrs: map[string]string{}}
			if len(open) == 1 {
				own = b.name.Space
			}
			if b.name.Space == own { // some registries have a namespace in place of EPP's
				b.name.Space = "epp"
			}
			for _, a := range token.Attr {
				if a.Name.Space == "" && a.Name.Local != "xmlns" {
					b.attrs[a.Name.Local] = fields(a.Value)
				}
			}
			top.kids, open = append(top.kids, b), append(open, b)
		case xml.CharData:
			top.text += string(token)
		case xml.EndElement:
			top.text, open = fields(top.text), open[:len(open)-1]
		}
	}
}

func fields(s string) string { return strings.Join(strings.Fields(s), " ") }

// kid is the first child of that local name.
func (b *branch) kid(local string) *branch {
	for _, k := range b.kids {
		if k.name.Local == local {
			return k
		}
	}
	return &branch{}
}

// String is the meaning of a command: without what makes no difference by the RFCs. Of an element's children
// only those of the same name keep their order.
func (b *branch) String() string {
	kids := slices.Clone(b.kids)
	slices.SortStableFunc(kids, func(x, y *branch) int {
		return cmp.Or(cmp.Compare(x.name.Space, y.name.Space), cmp.Compare(x.name.Local, y.name.Local))
	})
	var inside string
	for _, k := range kids {
		inside += k.String()
	}
	text := b.text
	switch b.name.Local {
	case "name", "hostObj", "hostName": // of a domain, host or person
		if a, err := ALabel(text); err == nil && b.name.Space != nsContact {
			text = a
		}
	case "add", "rem", "chg", "ns", "extension": // nothing in them is as if they were not there
		if inside == "" {
			return ""
		}
	case "sp", "pc": // optional, and the address is given as a whole
		if text == "" {
			return ""
		}
	case "voice", "fax": // of a create: update says so that there is none any more
		if text == "" && b.name.Space == nsContact && len(b.attrs) == 0 && b.in == "create" {
			return ""
		}
	case "authInfo": // the schema wants it in a create
		if b.in == "create" && b.kid("pw").text == "" {
			return ""
		}
	case "all":
		text = strings.ReplaceAll(text, "1", "true")
	}
	if _, ok := b.attrs["ip"]; !ok && (b.name.Local == "hostAddr" || b.name.Local == "addr" && b.name.Space == nsHost) {
		b.attrs["ip"] = "v4" // the default
	}
	var attrs string
	for _, name := range slices.Sorted(maps.Keys(b.attrs)) {
		value := b.attrs[name]
		switch name {
		case "lang": // the default
			if value == "en" && (b.name.Local == "statement" || b.name.Local == "resReason") {
				continue
			}
		case "flag", "urgent", "refundable", "policy":
			value = strings.NewReplacer("true", "1", "false", "0").Replace(value)
			if name != "flag" && name != "refundable" && value == "0" { // the default
				continue
			}
		}
		attrs += " " + name + "=" + value
	}
	return fmt.Sprintf("<%s|%s%s>%s%s</>", b.name.Space, b.name.Local, attrs, text, inside)
}

// meaning is what a payload means, by encoding/xml.
func meaning(t *testing.T, payload []byte) string {
	t.Helper()
	b, err := grown(payload)
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// notValid are frames of the corpus whose commands Marshal refuses, as the schemas do, each with the member.
var notValid = map[string]string{
	"requests/rppproxy-domain-create-domains-l24.xml":                  "registrant",
	"requests/aeda-update.xml":                                         "remStatus[0].value",
	"requests/aeda-update-2.xml":                                       "registrant",
	"requests/aeda-update-3.xml":                                       "remStatus[0].value",
	"requests/africc-contact-create-contactcreatetest-l267.xml":        "postalInfo[0].name",
	"requests/datahaven-contact-create-test-rpc-server-l439.xml":       "voice.number",
	"requests/domainrepp2-domain-check-check-test-l30.xml":             "names",
	"requests/nomulus-host-create.xml":                                 "name", // %host% in it: valid by the schema
	"requests/struzik-contact-create-createcontactrequesttest-l17.xml": "id",
	"requests/struzik-contact-info-infocontactrequesttest-l36.xml":     "id",
}

// notMapped are frames of the corpus that have nothing but elements of the namespaces of the package, and are
// not read all the same, each with the reason.
var notMapped = map[string]string{
	"requests/domainrepp2-check-command-test-l30.xml":                                 "a verb without an object",
	"requests/domainrepp2-create-command-test-l40.xml":                                "a verb without an object",
	"requests/domainrepp2-delete-command-test-l50.xml":                                "a verb without an object",
	"requests/domainrepp2-info-command-test-l60.xml":                                  "a verb without an object",
	"requests/domainrepp2-poll-command-test-l90.xml":                                  "a poll without an op",
	"requests/domainrepp2-renew-command-test-l100.xml":                                "a verb without an object",
	"requests/domainrepp2-transfer-command-test-l110.xml":                             "a verb without an object",
	"requests/domainrepp2-update-command-test-l120.xml":                               "a verb without an object",
	"requests/pyepp-test-base-command-l18.xml":                                        "no verb",
	"requests/pyepp-val1-test-base-command-l58.xml":                                   "two verbs",
	"requests/sclnominet-test-action-requesttest-l29.xml":                             "a verb of no RFC",
	"requests/namingo-invalidcommand-epp-l89.xml":                                     "a verb of no RFC",
	"requests/metaregistrar-domain-undelete-dnsbeeppundeletedomainrequest-l4.xml":     "a verb of no RFC",
	"requests/metaregistrar-domain-reactivate-dnsbeeppreactivatedomainrequest-l4.xml": "a verb of no RFC",
	"requests/nomulus-domain-check-flowpickertest-l68.xml":                            "a check around a create",
	"requests/nomulus-domain-update-wrong-extension.xml":                              "an update with a create's extension",
	"requests/nomulus-domain-create-wrong-extension.xml":                              "a create with an update's extension",
	"requests/nomulus-poll-with-id.xml":                                               "a poll req with an id",
	"requests/eppgo-poll.-invalid-validation-test-l38.xml":                            "an op of no RFC",
	"requests/psregistrobr-poll-delete.xml":                                           "an op of no RFC",
	"requests/netdri-domain-update-ficora-l299.xml":                                   "an element of no RFC in the namespace of one",
	"requests/africc-contact-update-contactupdatetest-l123.xml":                       "an element where the RFC has none",
	"requests/epplibnet-contactupdatecommandnominetprivacyon.xml":                     "an element where the RFC has none",
	"requests/datahaven-domain-update-test-rpc-server-l822.xml":                       "a key tag that is no number",
}

// strange says why nobody could expect that a frame is read; empty: there is no such reason.
func strange(payload []byte) string {
	b, err := grown(payload)
	if err != nil {
		return "not well-formed"
	}
	if len(b.kids) != 1 || b.kids[0].name.Local != "command" {
		return "no command"
	}
	for _, k := range b.kids[0].kids {
		if verb := k.name.Local; verb == "login" || verb == "logout" {
			return verb
		}
	}
	if ns := b.foreign(); ns != "" {
		return ns
	}
	return ""
}

// foreign is a namespace in b that the package does not have; empty: none.
func (b *branch) foreign() string {
	switch b.name.Space {
	case "epp", nsDomain, nsHost, nsContact, nsSecDNS, nsRGP, nsFee, nsTTL:
	default:
		return b.name.Space
	}
	for _, k := range b.kids {
		if ns := k.foreign(); ns != "" {
			return ns
		}
	}
	return ""
}

// TestCommandsOfCorpus reads the commands of other projects and writes them again: encoding/xml sees the
// same meaning in both.
func TestCommandsOfCorpus(t *testing.T) {
	covered, refused := map[string]int{}, map[string]int{}
	written := map[string][]byte{}
	for name, payload := range corpus(t, "requests") {
		c, id, err := UnmarshalCommand(payload)
		if err != nil {
			why := strange(payload)
			if why == "" {
				why = notMapped[name]
				if why == "" {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := notMapped[name]; ok {
				t.Errorf("%s is in notMapped: %s", name, why)
			}
			refused[why]++
			continue
		}
		out, err := Marshal(c, id)
		if member, ok := notValid[name]; ok || err != nil {
			if err == nil || err.(*Fault).Member != member {
				t.Errorf("%s: got %v, want a fault of %q", name, err, member)
			}
			continue
		}
		written[name] = out
		covered[c.Object().String()+" "+c.Kind()]++
		if got, want := meaning(t, out), meaning(t, payload); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		again, _, err := UnmarshalCommand(out)
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		} else if twice, err := Marshal(again, id); err != nil || !bytes.Equal(twice, out) {
			t.Errorf("%s: got %s %v, want %s", name, twice, err, out)
		}
	}
	for _, name := range validate(t, written) {
		t.Errorf("%s: not valid: %s", name, written[name])
	}
	if len(written) < 183 {
		t.Errorf("got %d commands only", len(written))
	}
	t.Logf("%d commands written again: %v", len(written), covered)
	t.Logf("not mapped: %v", refused)
}
