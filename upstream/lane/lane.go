package lane

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Protocol is the ALPN protocol. Its number changes when hosts of before cannot take part any more.
const Protocol = "eppmux-peer/1"

// Version is the version of what is said under Protocol. Both sides speak the lower one of theirs. A
// version works with the one before and the one behind it.
const Version = 1

// MaxOpening is the longest Hello or Welcome, in octets of its payload.
const MaxOpening = 4 << 10

// Hello is what a follower says first.
type Hello struct {
	Version int           `json:"version"`
	Program string        `json:"program"` // version of the program
	Cluster string        `json:"cluster"`
	Account string        `json:"account"`  // its key, see cluster.AccountKey
	Name    string        `json:"registry"` // as the follower's config calls it
	Term    uint64        `json:"term"`     // under which it takes the other side for the owner
	Host    string        `json:"host"`
	Wall    time.Duration `json:"wall"` // clock, time since 1970
}

// Refusal says why an owner takes no lane.
type Refusal string

const (
	RefusedCluster Refusal = "cluster"   // it is of another cluster
	RefusedAccount Refusal = "account"   // it does not serve the account
	RefusedOwner   Refusal = "not_owner" // it does not own the account; Owner and Peer say who does
	RefusedTerm    Refusal = "term"      // it owns the account in another term
	RefusedVersion Refusal = "version"   // it does not speak the version
	RefusedBusy    Refusal = "busy"      // it has as many lanes as it takes
)

// Welcome is what an owner says first.
type Welcome struct {
	Version int           `json:"version"`
	Program string        `json:"program"`
	Cluster string        `json:"cluster"`
	Host    string        `json:"host"`
	Term    uint64        `json:"term"`
	Wall    time.Duration `json:"wall"`
	// Refused is set where the lane ends here. Owner and Peer are those that the account has, as far as
	// is known.
	Refused Refusal `json:"refused,omitempty"`
	Owner   string  `json:"owner,omitempty"`
	Peer    string  `json:"peer,omitempty"`
}

// AppendOpening appends a Hello or a Welcome as a data unit.
func AppendOpening(dst []byte, opening any) []byte {
	text, err := json.Marshal(opening)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(appendHeader(dst, len(text)), text...)
}

// ParseOpening reads the payload of a Hello or a Welcome. Fields that it does not know are ignored.
func ParseOpening(payload []byte, opening any) error {
	if len(payload) > MaxOpening {
		return fmt.Errorf("lane: %d octets of opening, at most %d", len(payload), MaxOpening)
	}
	if err := json.Unmarshal(payload, opening); err != nil {
		return fmt.Errorf("lane: opening: %w", err)
	}
	return nil
}

// The marks with which the payload of a unit begins that is no EPP.
const (
	markAuthor = 0x01
	markEnd    = 0x02
)

// Marked reports whether a payload is that of a marked unit, so no EPP.
func Marked(payload []byte) bool { return len(payload) > 0 && payload[0] < '\t' }

// Author is who has sent a command to the follower: what the owner's queue and its blame go by.
type Author struct {
	ID       uint64        // of its connection at the follower, from 1 and never used again there
	Weight   uint8         // from 1
	Known    bool          // it has had a command of this kind answered
	Answers  uint32        // that it has had
	Waited   time.Duration // since it was served last
	Identity string        // what it shares with other connections; longer than MaxIdentity it is cut
}

// MaxIdentity is the longest identity that is passed on, in octets.
const MaxIdentity = 255

const authorLen = 1 + 8 + 1 + 1 + 4 + 8 + 1 // without the identity

// AppendAuthor appends a as a data unit.
func AppendAuthor(dst []byte, a *Author) []byte {
	identity := a.Identity[:min(len(a.Identity), MaxIdentity)]
	dst = append(appendHeader(dst, authorLen+len(identity)), markAuthor)
	dst = binary.BigEndian.AppendUint64(dst, a.ID)
	known := byte(0)
	if a.Known {
		known = 1
	}
	dst = append(dst, a.Weight, known)
	dst = binary.BigEndian.AppendUint32(dst, a.Answers)
	dst = binary.BigEndian.AppendUint64(dst, uint64(max(0, a.Waited)))
	return append(append(dst, byte(len(identity))), identity...)
}

var errAuthor = errors.New("lane: a unit that is no author stands before a command")

// ParseAuthor reads the payload of an Author. The identity is a copy.
func ParseAuthor(payload []byte, a *Author) error {
	if len(payload) < authorLen || payload[0] != markAuthor {
		return errAuthor
	}
	a.ID = binary.BigEndian.Uint64(payload[1:])
	a.Weight, a.Known = max(1, payload[9]), payload[10] != 0
	a.Answers = binary.BigEndian.Uint32(payload[11:])
	a.Waited = time.Duration(binary.BigEndian.Uint64(payload[15:]) &^ (1 << 63))
	n := int(payload[23])
	if a.ID == 0 || len(payload) < authorLen+n {
		return errAuthor
	}
	if name := payload[authorLen : authorLen+n]; string(name) != a.Identity { // spares an allocation
		a.Identity = string(name)
	}
	return nil
}

// Fate is how a command has ended at the owner without an answer.
type Fate uint8

const (
	// FateNotSent: no octet of it went to the registry, or the registry did not execute it.
	FateNotSent Fate = iota
	// FateUnknown: it was sent, and no answer came. A query was sent as often as it may be.
	FateUnknown
	// FateMoved: no octet of it went to the registry, since the account has another owner, or is about
	// to. It waits again at the follower. The lane ends. It comes on an idle lane too, and behind an
	// answer: then it is for a command that is on its way, which the owner does not read.
	FateMoved
	numFates
)

// End stands in place of an answer.
type End struct {
	Fate  Fate
	Cause string // in the words of pool.Cause; of MaxCause octets at most
}

// MaxCause is the longest Cause, in octets.
const MaxCause = 64

// AppendEnd appends e as a data unit.
func AppendEnd(dst []byte, e End) []byte {
	cause := e.Cause[:min(len(e.Cause), MaxCause)]
	dst = append(appendHeader(dst, 3+len(cause)), markEnd, byte(e.Fate), byte(len(cause)))
	return append(dst, cause...)
}

var errEnd = errors.New("lane: a marked unit in place of an answer is no end")

// ParseEnd reads the payload of an End.
func ParseEnd(payload []byte) (End, error) {
	if len(payload) < 3 || payload[0] != markEnd || Fate(payload[1]) >= numFates || len(payload) < 3+int(payload[2]) {
		return End{}, errEnd
	}
	return End{Fate(payload[1]), string(payload[3 : 3+int(payload[2])])}, nil
}

// appendHeader appends the header of a data unit with a payload of n octets, RFC 5734 section 4.
func appendHeader(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(4+n)) }
