// Package gateway serves HTTP clients beside the EPP clients of package proxy, over the same accounts:
// calls in JSON (/api/epp, /v1), batch checks, the RESTful Provisioning Protocol (/rpp/v1) and raw XML. It
// is a sibling of proxy: sessions, limits, turns and the audit log are those of upstream.Account.
//
//	s, err := gateway.New(cfg)
//	err = s.Listen()  // before anything reaches a registry
//	s.Serve()         // the accounts have been started
//	...
//	s.Drain(within)   // no new requests; those under way end
//	s.Close()
package gateway
