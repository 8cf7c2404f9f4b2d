// Package batch answers whether names are free, for many requests at once: it sorts names by registry, and
// packs those of all requests that wait into as few checks as a registry allows. A check is filled at the
// moment at which it goes: names that come while it waits for its turn join it.
//
//	c := batch.New(registries)
//	c.Check(ctx, batch.Request{User: u, RequestID: "req-17", Names: names}, func(a batch.Answer) { … })
//
// # Who asks with whom
//
// names wait in a line: one for each registry, weight of users, and question about prices. One command of
// a pool waits at the account, a second one only where there are names for it. Both are composed anew
// whenever names come or leave, and go as they are at that moment. Users take turns, a name each, and
// requests of one user do. A name that several requests wait for is asked once; one that has been sent is
// not joined any more, since its answer may be older than the request.
//
// A registry's lines of one weight have one flow at the account, an upstream.Caller. So all its users
// together have the share of one EPP client of that weight. Whether a user may check there is decided
// before its names join those of others.
//
// The clTRID of a check is the id of the request whose name was its first when it began to wait. The answer
// to every name has the clTRID by which it was asked, and a line of the log at level debug lists the ids of
// all requests in one check, so that each is found in the audit log and at the registry.
//
// # What one name may cost the others
//
// A registry that refuses a check for one bad name refuses all of it. It is then asked again in parts,
// first apart from the name that its answer quotes, then in halves, until the bad one is alone; levels
// bounds how often one name is asked. A check for prices is asked once without them first: the question may
// be what is refused. A registry that takes the parts of what it has refused by 2306 is given no more
// names than they had, for an hour.
//
// A session that ends behind a check, which the account has repeated already, costs a login. So its names
// are asked once more only, and each user's through a flow of that user's own: blame for it (package
// upstream) meets that user. A user whose names end sessions, or are refused again and again, is asked
// apart from others for a while.
//
// Where a limit counts names, a check is composed when it is handed to the account, and does not change
// after that: its names are what the limit admits.
package batch
