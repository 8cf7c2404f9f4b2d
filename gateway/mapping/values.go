package mapping

import (
	"fmt"
	"io"
	"log/slog"
)

// Domain is what a registry knows of a domain name: infData of RFC 5731 section 3.1.2 with what
// extensions add to it. Members that the registry left out are empty.
type Domain struct {
	Name        string       `json:"name"`
	ROID        string       `json:"roid,omitempty"`
	Status      []Status     `json:"status,omitempty"`
	Registrant  string       `json:"registrant,omitempty"`
	Contacts    []Contact    `json:"contacts,omitempty"`
	Nameservers []Nameserver `json:"nameservers,omitempty"`
	Hosts       []string     `json:"hosts,omitempty"` // subordinate
	ClID        string       `json:"clID,omitempty"`
	CrID        string       `json:"crID,omitempty"`
	CrDate      string       `json:"crDate,omitempty"`
	UpID        string       `json:"upID,omitempty"`
	UpDate      string       `json:"upDate,omitempty"`
	ExDate      string       `json:"exDate,omitempty"`
	TrDate      string       `json:"trDate,omitempty"`
	AuthInfo    *AuthInfo    `json:"-"` // only RPP's caller may see it, and asks for it by name
	SecDNS      *SecDNS      `json:"secDNS,omitempty"`
	RGP         []Status     `json:"rgpStatus,omitempty"` // RFC 3915 section 3.1
	TTL         []TTL        `json:"ttl,omitempty"`       // RFC 9803
}

// Status is a status of an object: its value, and the words beside it.
type Status struct {
	Value string `json:"value"`
	Lang  string `json:"lang,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Contact is a contact of a domain.
type Contact struct {
	Type string `json:"type"` // admin, billing, tech
	ID   string `json:"id"`
}

// Nameserver is a name server of a domain: hostObj, or with addresses hostAttr (RFC 5731 section 1.1).
type Nameserver struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"` // IPv4 and IPv6
	Attribute bool     `json:"-"`                   // written as hostAttr, also without addresses
}

// AuthInfo is an object's password. It prints as nothing.
type AuthInfo struct {
	Password string `json:"password"`
	ROID     string `json:"roid,omitempty"` // of the contact whose password it is; empty: the object's own
}

const noAuthInfo = "(authInfo)"

// Format implements fmt.Formatter for every verb, without the password.
func (a AuthInfo) Format(f fmt.State, _ rune) { io.WriteString(f, noAuthInfo) }

// LogValue implements slog.LogValuer, without the password.
func (a AuthInfo) LogValue() slog.Value { return slog.StringValue(noAuthInfo) }

// MarshalJSON implements json.Marshaler, without the password. Reading JSON gives it.
func (a AuthInfo) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// SecDNS is the data of RFC 5910. DS and Keys are not both set.
type SecDNS struct {
	MaxSigLife int      `json:"maxSigLife,omitempty"` // seconds
	DS         []DS     `json:"ds,omitempty"`
	Keys       []DNSKEY `json:"keys,omitempty"`
}

// DS is a delegation signer record.
type DS struct {
	KeyTag     uint16  `json:"keyTag"`
	Algorithm  uint8   `json:"algorithm"`
	DigestType uint8   `json:"digestType"`
	Digest     string  `json:"digest"` // hexadecimal
	Key        *DNSKEY `json:"key,omitempty"`
}

// DNSKEY is a key record.
type DNSKEY struct {
	Flags     uint16 `json:"flags"`
	Protocol  uint8  `json:"protocol"`
	Algorithm uint8  `json:"algorithm"`
	PublicKey string `json:"publicKey"` // base 64
}

// TTL is a time to live of records of a type below an object (RFC 9803).
type TTL struct {
	For     string `json:"for"` // NS, DS, A, AAAA, …
	Custom  string `json:"custom,omitempty"`
	Seconds *int   `json:"seconds"` // nil: the registry's default
	Min     *int   `json:"min,omitempty"`
	Default *int   `json:"default,omitempty"`
	Max     *int   `json:"max,omitempty"`
}

// Host is what a registry knows of a host: infData of RFC 5732 section 3.1.2.
type Host struct {
	Name      string   `json:"name"`
	ROID      string   `json:"roid,omitempty"`
	Status    []Status `json:"status,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
	ClID      string   `json:"clID,omitempty"`
	CrID      string   `json:"crID,omitempty"`
	CrDate    string   `json:"crDate,omitempty"`
	UpID      string   `json:"upID,omitempty"`
	UpDate    string   `json:"upDate,omitempty"`
	TrDate    string   `json:"trDate,omitempty"`
	TTL       []TTL    `json:"ttl,omitempty"`
}

// Person is what a registry knows of a contact: infData of RFC 5733 section 3.1.2.
type Person struct {
	ID         string       `json:"id"`
	ROID       string       `json:"roid,omitempty"`
	Status     []Status     `json:"status,omitempty"`
	PostalInfo []PostalInfo `json:"postalInfo,omitempty"` // one or two: int, loc
	Voice      *Phone       `json:"voice,omitempty"`
	Fax        *Phone       `json:"fax,omitempty"`
	Email      string       `json:"email,omitempty"`
	ClID       string       `json:"clID,omitempty"`
	CrID       string       `json:"crID,omitempty"`
	CrDate     string       `json:"crDate,omitempty"`
	UpID       string       `json:"upID,omitempty"`
	UpDate     string       `json:"upDate,omitempty"`
	TrDate     string       `json:"trDate,omitempty"`
	AuthInfo   *AuthInfo    `json:"-"`
	Disclose   *Disclose    `json:"disclose,omitempty"`
}

// PostalInfo is a postal address in one of two forms: int (ASCII) or loc.
type PostalInfo struct {
	Type    string   `json:"type"`
	Name    string   `json:"name,omitempty"`
	Org     string   `json:"org,omitempty"`
	NoOrg   bool     `json:"-"`                // in a change: no organization any more
	Street  []string `json:"street,omitempty"` // up to three lines
	City    string   `json:"city,omitempty"`
	SP      string   `json:"sp,omitempty"`
	PC      string   `json:"pc,omitempty"`
	Country string   `json:"cc,omitempty"` // two letters
}

// Phone is a number as +CC.N, with an extension.
type Phone struct {
	Number string `json:"number"`
	X      string `json:"x,omitempty"`
}

// Disclose says which elements of a contact are an exception to the registry's policy (RFC 5733
// section 2.9).
type Disclose struct {
	Flag     bool     `json:"flag"`
	Elements []string `json:"elements"` // name:int, name:loc, org:int, org:loc, addr:int, addr:loc, voice, fax, email
}

// Check is an answer to one name of a check, for each object the same (RFC 5731 section 3.1.1).
type Check struct {
	Name      string `json:"name"` // of a domain or host, id of a contact
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"`
	Lang      string `json:"lang,omitempty"`
}

// Fees are the prices of one name (RFC 8748 section 5.1.1).
type Fees struct {
	Name     string       `json:"name"`
	Currency string       `json:"currency,omitempty"`
	Class    string       `json:"class,omitempty"`
	Commands []FeeCommand `json:"commands,omitempty"`
	Reason   string       `json:"reason,omitempty"` // why there is none
}

// FeeCommand is what one command would cost.
type FeeCommand struct {
	Command  string  `json:"command"`              // create, delete, renew, update, transfer, restore or custom
	Custom   string  `json:"customName,omitempty"` // of custom
	Phase    string  `json:"phase,omitempty"`      // of a launch
	Subphase string  `json:"subphase,omitempty"`
	Period   *Period `json:"period,omitempty"`
	Fees     []Fee   `json:"fees,omitempty"`
	Credits  []Fee   `json:"credits,omitempty"` // negative amounts
	Standard *bool   `json:"standard,omitempty"`
	Reason   string  `json:"reason,omitempty"`
}

// Fee is an amount: a decimal number, as the registry wrote it.
type Fee struct {
	Amount      string `json:"amount"`
	Description string `json:"description,omitempty"`
	Lang        string `json:"lang,omitempty"` // of the description
	Refundable  *bool  `json:"refundable,omitempty"`
	GracePeriod string `json:"gracePeriod,omitempty"`
	Applied     string `json:"applied,omitempty"`
}

// Charge is what a transform has cost (RFC 8748 section 5.2).
type Charge struct {
	Currency    string  `json:"currency,omitempty"`
	Period      *Period `json:"period,omitempty"`
	Fees        []Fee   `json:"fees,omitempty"`
	Credits     []Fee   `json:"credits,omitempty"`
	Balance     string  `json:"balance,omitempty"`
	CreditLimit string  `json:"creditLimit,omitempty"`
}

// Period is a time of 1 to 99 years or months.
type Period struct {
	Value int    `json:"value"`
	Unit  string `json:"unit"` // y or m
}

// Created is creData, of any object.
type Created struct {
	Name   string `json:"name"` // of a domain or host, id of a contact
	CrDate string `json:"crDate,omitempty"`
	ExDate string `json:"exDate,omitempty"`
}

// Renewed is renData of RFC 5731 section 3.2.3.
type Renewed struct {
	Name   string `json:"name"`
	ExDate string `json:"exDate,omitempty"`
}

// Transfer is trnData, of a domain or a contact.
type Transfer struct {
	Name   string `json:"name"` // of a domain, id of a contact
	Status string `json:"trStatus"`
	ReID   string `json:"reID,omitempty"`
	ReDate string `json:"reDate,omitempty"`
	AcID   string `json:"acID,omitempty"`
	AcDate string `json:"acDate,omitempty"`
	ExDate string `json:"exDate,omitempty"`
}

// Pending is panData: how an action ended that was pending (RFC 5731 section 3.3).
type Pending struct {
	Name   string `json:"name"`
	Result bool   `json:"result"`
	ClTRID string `json:"clTRID,omitempty"`
	SvTRID string `json:"svTRID,omitempty"`
	Date   string `json:"date,omitempty"`
}
