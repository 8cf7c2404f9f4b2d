package sandbox

import "time"

// The policies of this registry where RFC 5730 to 5734 leave it a choice.
//
//   - Zones: names directly below com, net, org, example and test (Config.Zones). A name elsewhere
//     is not available, and create answers 2306.
//   - Period: whole years from 1 to 10. 12 months count as a year, other months answer 2306. No
//     expiry is further than 10 years ahead.
//   - Name servers are host objects. hostAttr answers 2102. A domain has at most 13, more answer
//     2306.
//   - A host below a zone needs its domain to exist (2303) and to be the client's own (2201). It
//     needs at least one address (2003) and at most 13. A host elsewhere has none (2306).
//   - A registrant and contacts are optional, but must exist if named (2303). A domain has at most
//     20 contacts and 8 DS records, more answer 2306.
//   - check takes up to 50 objects (Config.CheckMax), more answer 2306.
//   - Names that begin with "premium-" cost ten times as much (price.go), and their create, renew
//     and transfer must come with the agreed fee (2003). An agreed fee that is too low, or is in
//     another currency than EUR, answers 2004. What is charged is the price, even if more was agreed.
//   - A time to live is 60 to 172800 seconds, else 2004. Domains have one for NS and DS, hosts for A
//     and AAAA, others answer 2306.
//   - Any pending status prohibits every transform except those that end it (2304).
//   - Clients may add and remove client statuses only (2306).
//   - Adding a value that is there answers 2306, and so does removing one that is not.
//   - The delete of a domain with subordinate hosts, and of a host or contact in use, answers 2305.
//   - A domain within its add period is deleted at once. An older one goes through redemption and
//     pending delete.
//   - A new password is any that the schema allows.
//   - authInfo given as ext answers 2102.
//   - The third failed login closes the connection (Rules.LoginErrors).
const (
	maxYears       = 10
	maxServers     = 13
	maxAddresses   = 13
	maxCheck       = 50
	maxContacts    = 20
	maxDS          = 8
	maxLoginErrors = 3

	addPeriod        = 5 * 24 * time.Hour
	gracePeriod      = 5 * 24 * time.Hour // after renew and transfer
	redemptionPeriod = 30 * 24 * time.Hour
	pendingDelete    = 5 * 24 * time.Hour
)
