package mapping

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// values are the values in v, however deep, each with how often it is there.
func values(v reflect.Value, to map[string]int) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			values(v.Elem(), to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			values(v.Field(i), to)
		}
	case reflect.Slice:
		for i := range v.Len() {
			values(v.Index(i), to)
		}
	case reflect.String:
		for part := range strings.SplitSeq(v.String(), ":") { // of Disclose
			to[fields(part)]++
		}
		if strings.Contains(v.String(), ":") {
			to[fields(v.String())]++
		}
	default:
		to[fmt.Sprint(v.Interface())]++
	}
}

// lacks gives the values of an answer, as encoding/xml sees them, that are not in have, each with its
// element. It takes away what it finds.
func (b *branch) lacks(have map[string]int, path string) (missing []string) {
	path += "/" + b.name.Local
	want := func(what, value string) {
		switch {
		case value == "":
		case have[value] > 0:
			have[value]--
		default:
			missing = append(missing, path+what+"="+value)
		}
	}
	for name, value := range b.attrs {
		switch name {
		case "avail", "paResult", "flag", "standard", "refundable": // xs:boolean
			value = strings.NewReplacer("1", "true", "0", "false").Replace(value)
			if b.name.Local == "cd" { // of a fee: only whether there is a price
				continue
			}
		case "ip", "element": // the address itself says it; the name of what objID is
			continue
		}
		want("@"+name, value)
	}
	switch b.name.Local {
	case "msg", "value":
		if len(b.kids) > 0 { // XML, as it is
			return missing
		}
	}
	want("", b.text)
	for _, k := range b.kids {
		missing = append(missing, k.lacks(have, path)...)
	}
	return missing
}

// prune takes out what the package does not know: elements in other namespaces, and drafts.
func (b *branch) prune() {
	b.kids = slices.DeleteFunc(b.kids, func(k *branch) bool {
		switch k.name.Space {
		case "epp", nsDomain, nsHost, nsContact, nsSecDNS, nsRGP, nsFee, nsTTL:
			k.prune()
			return false
		}
		return true
	})
}

// lost are values of answers that are not read, by element or by frame, each with the reason.
var lost = map[string]string{
	"/response/result/extValue/reason@lang":               "there is no place for it",
	"/response/resData/infData/registrylock":              "no RFC has it",
	"/response/resData/infData/autorenew":                 "no RFC has it",
	"/response/resData/infData/role":                      "no RFC has it",
	"/response/resData/infData/type":                      "no RFC has it",
	"/response/resData/infData/legalemail":                "no RFC has it",
	"/response/resData/infData/postalInfo/isFinnish":      "no RFC has it",
	"/response/resData/infData/postalInfo/firstname":      "no RFC has it",
	"/response/resData/infData/postalInfo/lastname":       "no RFC has it",
	"/response/resData/infData/postalInfo/identity":       "no RFC has it",
	"/response/resData/infData/postalInfo/registernumber": "no RFC has it",
	"/response/resData/infData/postalInfo/birthDate":      "no RFC has it",

	"responses/eeregistry-response-domain-infdata-1000-epp-examples-l11351.xml": "DNSSEC of a domain in a namespace of the registry's own",
	"responses/domainrepp-response-domain-chkdata-1000-response-test-l10.xml":   "a name beside the objID of RFC 8748",
	"responses/struzik-response-epp-infdata-1301-pollresponsetest-l65.xml":      "infData in the namespace of EPP",
}

// unread are the frames that are no answers that could be read, each with the reason.
var unread = map[string]string{
	"responses/domainrepp-response-domain-chkdata-parsing-l24.xml":       "a prefix is not declared",
	"responses/domainrepp2-response-response-test-l104.xml":              "no result",
	"responses/domainrepp2-response-response-test-l21.xml":               "no result",
	"responses/epplb-response-frame-test-l169.xml":                       "no result",
	"responses/metaregistrar-response-cozaeppinfocontactresponse-l6.xml": "no result",
}

// TestAnswersOfCorpus reads the answers of other projects: all values that encoding/xml sees in the namespaces
// of the package are there.
func TestAnswersOfCorpus(t *testing.T) {
	read, kinds := 0, map[string]int{}
	for name, payload := range corpus(t, "responses") {
		b, err := grown(payload)
		if err == nil && (len(b.kids) == 0 || b.kids[0].name.Local != "response") {
			if r, err := Unmarshal(payload); err == nil && !r.Broken {
				t.Errorf("%s: got %+v", name, r)
			}
			kinds["no answer"]++
			continue
		}
		r, fault := Unmarshal(payload)
		if fault != nil || r.Broken {
			if unread[name] == "" {
				t.Errorf("%s: %v", name, fault)
			}
			continue
		}
		if err != nil || unread[name] != "" {
			t.Errorf("%s: read, although %v %s", name, err, unread[name])
			continue
		}
		read++
		kinds[fmt.Sprintf("%T", r.Data)]++
		have := map[string]int{}
		values(reflect.ValueOf(r), have)
		b.prune()
		for _, m := range b.kids[0].lacks(have, "") {
			if element, _, _ := strings.Cut(m, "="); lost[element] == "" && lost[name] == "" {
				t.Errorf("%s: not read: %s", name, m)
			}
		}
	}
	if read < 363 {
		t.Errorf("got %d answers only", read)
	}
	t.Logf("%d answers read: %v", read, kinds)
}
