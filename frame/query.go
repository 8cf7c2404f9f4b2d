package frame

import "slices"

// IsQuery reports whether a command only reads, so that a second execution gives the same: check,
// info, poll op=req and transfer op=query. Any other command, and any in doubt, is a transform. An
// extension of the command may change that, see Message.Query.
func IsQuery(c Command, op Op) bool {
	switch c {
	case CommandCheck, CommandInfo:
		return true
	case CommandPoll:
		return op == OpReq
	case CommandTransfer:
		return op == OpQuery
	}
	return false
}

// Query reports whether the command only reads. IsQuery does so of a command as RFC 5730 has it. But
// RFC 5730 section 2.7.3 lets an extension add to it what it likes, and some ask for a change, such as
// a new authInfo in an info. So every element of its extension must be in a namespace that is known to
// ask for nothing but an answer: by the list of this package, or in more, the namespaces that a
// registry's operator or ours knows. It allocates nothing.
func (m *Message) Query(more []string) bool {
	if !IsQuery(m.Command, m.Op) {
		return false
	}
	for _, ns := range m.Extensions {
		known := slices.Contains(readingExtensions[string(ns)], m.Command)
		if !known && !slices.ContainsFunc(more, func(uri string) bool { return uri == string(ns) }) {
			return false
		}
	}
	return true
}

// readingExtensions are the namespaces of extensions that ask for nothing but an answer, each with the
// queries of which that is known: by the RFC or the draft, or by the schema of the registry. One that
// is only met in answers needs no entry. Versions are listed, since a later one may add anything.
var readingExtensions = map[string][]Command{
	"urn:ietf:params:xml:ns:launch-1.0":           {CommandCheck, CommandInfo}, // RFC 8334
	"urn:ietf:params:xml:ns:allocationToken-1.0":  {CommandCheck, CommandInfo}, // RFC 8495
	"urn:ietf:params:xml:ns:verificationCode-1.0": {CommandInfo},               // draft-ietf-regext-verificationcode
	"urn:ietf:params:xml:ns:epp:ttl-1.0":          {CommandInfo},               // RFC 9803
	"urn:ietf:params:xml:ns:idn-1.0":              {CommandCheck, CommandInfo}, // draft-ietf-eppext-idnmap
	"urn:ietf:params:xml:ns:regtype-0.1":          {CommandCheck},
	"urn:ietf:params:xml:ns:regtype-0.2":          {CommandCheck},

	// RFC 8748 and its drafts, which asked for prices with info too, up to 0.9.
	"urn:ietf:params:xml:ns:epp:fee-1.0": {CommandCheck},
	"urn:ietf:params:xml:ns:fee-1.0":     {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.25":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.24":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.23":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.22":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.21":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.20":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.19":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.18":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.17":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.16":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.15":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.14":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.13":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.12":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.11":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.10":    {CommandCheck},
	"urn:ietf:params:xml:ns:fee-0.9":     {CommandCheck, CommandInfo},
	"urn:ietf:params:xml:ns:fee-0.8":     {CommandCheck, CommandInfo},
	"urn:ietf:params:xml:ns:fee-0.7":     {CommandCheck, CommandInfo},
	"urn:ietf:params:xml:ns:fee-0.6":     {CommandCheck, CommandInfo},
	"urn:ietf:params:xml:ns:fee-0.5":     {CommandCheck, CommandInfo},

	// Which of a registry's zones is meant, on any command about a domain or a host.
	"http://www.verisign-grs.com/epp/namestoreExt-1.1": {CommandCheck, CommandInfo, CommandTransfer},
	"http://www.verisign.com/epp/namestoreExt-1.1":     {CommandCheck, CommandInfo, CommandTransfer},

	"http://www.verisign.com/epp/premiumdomain-1.0": {CommandCheck},
	"http://www.verisign.com/epp/whoisInf-1.0":      {CommandInfo},
	"http://www.verisign.com/epp/relatedDomain-1.0": {CommandInfo},
	"urn:ietf:params:xml:ns:neulevel":               {CommandCheck, CommandInfo},
	"urn:ietf:params:xml:ns:neulevel-1.0":           {CommandCheck, CommandInfo},
	"urn:ar:params:xml:ns:price-1.1":                {CommandCheck},
	"urn:ar:params:xml:ns:price-1.2":                {CommandCheck},
	"urn:ar:params:xml:ns:variant-1.1":              {CommandInfo},
	"http://xmlns.corenic.net/epp/idn-1.0":          {CommandCheck},
	"http://xmlns.tango-rs.net/epp/idn-1.0":         {CommandCheck},
	"http://co.za/epp/extensions/cozacontact-1-0":   {CommandInfo}, // balance and list of domains
}
