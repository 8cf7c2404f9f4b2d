package cluster

import (
	"encoding/json"
	"time"
)

// recordVersion is that of the records that this program writes. One of a later version is read as far as
// it is understood: fields that are unknown are ignored, those that are known keep their meaning.
const recordVersion = 1

// Lease is the record of an account in Leases.
type Lease struct {
	Version   int    `json:"v"`
	Account   string `json:"account"` // name of the registry, for readers
	Host      string `json:"owner"`
	Instance  string `json:"instance"` // of the owner's process
	Peer      string `json:"peer"`     // host:port, where the owner takes lanes
	Term      uint64 `json:"term"`
	Beat      uint64 `json:"beat"` // rises with each writing of a term
	Released  bool   `json:"released,omitempty"`
	Successor string `json:"successor,omitempty"` // instance that is to take it; with Released
	Reason    Reason `json:"reason"`              // of the owner's taking, or of its release
	Since     int64  `json:"since"`               // of the term, milliseconds since 1970
	Kept      bool   `json:"kept,omitempty"`      // there is a ledger
	// Wall is the clock by which the ledger was written, at this writing, milliseconds since 1970: the owner's,
	// as it was set then.
	Wall int64 `json:"wall"`
}

// Member is the record of a host in Members.
type Member struct {
	Version  int    `json:"v"`
	Host     string `json:"host"`
	Instance string `json:"instance"` // random, of the process
	Peer     string `json:"peer"`     // host:port, where it takes lanes
	Program  string `json:"program"`  // its version
	Beat     uint64 `json:"beat"`     // rises with each writing
	Wall     int64  `json:"wall"`     // at the writing, milliseconds since 1970
	Since    int64  `json:"since"`    // of the process, milliseconds since 1970
	Leaving  bool   `json:"leaving,omitempty"`
	Out      bool   `json:"out,omitempty"` // it owns nothing for now, as its wall clock is the odd one out
	Identity int    `json:"identity"`      // of its muxTRIDs; -1: none
	// Accounts are those that it takes part for: the first 8 digits of each key, one behind the other.
	Accounts string `json:"accounts"`
	// Unfit is until when it does not want an account, by key: milliseconds since 1970.
	Unfit map[string]int64 `json:"unfit,omitempty"`
}

// readLease returns what value says. ok is false where it cannot be read: the record is somebody's.
func readLease(value []byte) (l Lease, ok bool) {
	err := json.Unmarshal(value, &l)
	if err != nil || l.Version < 1 || l.Host == "" || l.Instance == "" {
		return Lease{}, false
	}
	return l, true
}

// readMember returns what value says, which stands at host.
func readMember(host string, value []byte) (m Member, ok bool) {
	err := json.Unmarshal(value, &m)
	if err != nil || m.Version < 1 || m.Host != host || m.Instance == "" {
		return Member{}, false
	}
	return m, true
}

// write returns the octets of a record.
func write(record any) []byte {
	b, err := json.Marshal(record)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

func millis(wall time.Duration) int64       { return wall.Milliseconds() }
func wallTime(wall time.Duration) time.Time { return time.Unix(0, int64(wall)) }
