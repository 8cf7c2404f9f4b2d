// Package rpp serves the RESTful Provisioning Protocol of the IETF's working group rpp, as far as it is
// settled, over the accounts of the gateway. It is experimental: the protocol has no RFC.
//
//	h := rpp.New(rpp.Config{Carrier: c, Checker: b, Registries: all, Codes: rpp.CodesCore})
//	mux.Handle("/rpp/", h)
//	mux.Handle("/.well-known/rpp.json", h)
//
// A request becomes one command of EPP, and where the protocol wants the whole object in the answer, an
// info behind it. A change carries the client's RPP-Cltrid as its key: so a repeat is not sent again. An
// info that belongs to a change has a key of its own: so a repeat gets the same object.
//
// Each rule names the text that it is from, by the key and the commit at which that was read:
//
//	C@0f11225   draft-ietf-rpp-core, the working text after -00
//	C0@b22619d  the same, with the table of codes of -00
//	D@57b0e3f   draft-ietf-rpp-data-objects, the working text for -02 that has messages
//	J@0494c6c   draft-ietf-rpp-json, the working text after -00
//	G, I, S, O  drafts of SIDN: extension guidelines, IDN variants, JSContact profile, OAuth
//	own         ours: the texts are silent, or contradict each other
//
// docs/rpp.md has the table of what is served and what is not.
package rpp
