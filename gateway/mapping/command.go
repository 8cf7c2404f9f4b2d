package mapping

// Object is the kind of object that a command is about.
type Object uint8

// The kinds of objects.
const (
	DomainObject Object = iota
	HostObject
	ContactObject
	NoObject // poll
)

// String is the word of the RFCs: domain, host, contact; none for NoObject.
func (o Object) String() string {
	switch o {
	case DomainObject:
		return "domain"
	case HostObject:
		return "host"
	case ContactObject:
		return "contact"
	}
	return "none"
}

// Command is one of the commands of this package, as a pointer.
type Command interface {
	// Kind is what a listener may allow or not: check, info, transfer:query, poll:ack, …
	Kind() string
	Object() Object
	// Named are the names or ids of the objects, as they were given.
	Named() []string
	// Transform reports whether it changes something at the registry.
	Transform() bool

	write(w *writer)
}

// The commands. Names may be U-labels or A-labels; A-labels are sent (RFC 5731 section 2.1). The JSON
// names of members are those that a Fault gives.
type (
	// CheckCommand asks whether objects can be created.
	CheckCommand struct {
		Of    Object    `json:"-"`
		Names []string  `json:"names"`
		Fee   *FeeCheck `json:"fee,omitempty"` // prices too; domains only
	}
	// FeeCheck asks for prices (RFC 8748 section 5.1.1).
	FeeCheck struct {
		Currency string       `json:"currency,omitempty"`
		Commands []FeeCommand `json:"commands"` // Command, its names and Period of each
	}

	// DomainInfo asks what a registry knows of a domain.
	DomainInfo struct {
		Name     string    `json:"name"`
		Hosts    string    `json:"hosts,omitempty"` // all, del, sub or none; empty: all
		AuthInfo *AuthInfo `json:"authInfo,omitempty"`
		TTL      bool      `json:"ttl,omitempty"` // asks for times to live (RFC 9803 section 2.1.1)
	}
	// DomainCreate registers a domain.
	DomainCreate struct {
		Name        string       `json:"name"`
		Period      *Period      `json:"period,omitempty"`
		Nameservers []Nameserver `json:"nameservers,omitempty"`
		Registrant  string       `json:"registrant,omitempty"`
		Contacts    []Contact    `json:"contacts,omitempty"`
		AuthInfo    AuthInfo     `json:"authInfo"`
		SecDNS      *SecDNS      `json:"secDNS,omitempty"`
		TTL         []TTL        `json:"ttl,omitempty"`
		Fee         *Charge      `json:"fee,omitempty"` // what the caller agrees to pay
	}
	// DomainDelete deletes a domain.
	DomainDelete struct {
		Name string `json:"name"`
	}
	// DomainRenew extends a domain's registration.
	DomainRenew struct {
		Name       string  `json:"name"`
		CurExpDate string  `json:"curExpDate"` // a date: 2026-11-30
		Period     *Period `json:"period,omitempty"`
		Fee        *Charge `json:"fee,omitempty"`
	}
	// TransferCommand is for domains and contacts. Op: request, query, approve, reject, cancel.
	TransferCommand struct {
		Of       Object    `json:"-"`
		Op       string    `json:"op"`
		Name     string    `json:"name"`
		Period   *Period   `json:"period,omitempty"` // domains
		AuthInfo *AuthInfo `json:"authInfo,omitempty"`
		Fee      *Charge   `json:"fee,omitempty"` // domains
	}
	// DomainUpdate changes a domain. It changes something.
	DomainUpdate struct {
		Name       string         `json:"name"`
		Add        DomainChange   `json:"add,omitzero"`
		Rem        DomainChange   `json:"rem,omitzero"`
		Registrant *string        `json:"registrant,omitempty"` // new one; empty: none any more
		AuthInfo   *AuthInfo      `json:"authInfo,omitempty"`   // new one
		NoAuthInfo bool           `json:"noAuthInfo,omitempty"` // none any more
		SecDNS     *SecDNSUpdate  `json:"secDNS,omitempty"`
		TTL        []TTL          `json:"ttl,omitempty"`
		Restore    bool           `json:"restore,omitempty"` // RGP: op request (RFC 3915 section 4.2.5)
		Report     *RestoreReport `json:"report,omitempty"`  // RGP: op report
		Fee        *Charge        `json:"fee,omitempty"`
	}
	// DomainChange is what is added to a domain, or removed from it.
	DomainChange struct {
		Nameservers []Nameserver `json:"nameservers,omitempty"`
		Contacts    []Contact    `json:"contacts,omitempty"`
		Status      []Status     `json:"status,omitempty"`
	}
	// SecDNSUpdate is RFC 5910 section 5.2.5. Rem goes before Add.
	SecDNSUpdate struct {
		Urgent     bool   `json:"urgent,omitempty"`
		RemAll     bool   `json:"remAll,omitempty"`
		Rem        SecDNS `json:"rem,omitzero"`
		Add        SecDNS `json:"add,omitzero"`
		MaxSigLife int    `json:"maxSigLife,omitempty"` // seconds; 0: as it is
	}
	// RestoreReport is the report that ends a restore (RFC 3915 section 4.2.5).
	RestoreReport struct {
		PreData    string   `json:"preData"`
		PostData   string   `json:"postData"`
		DelTime    string   `json:"delTime"`
		ResTime    string   `json:"resTime"`
		ResReason  string   `json:"resReason"`
		Statements []string `json:"statements"` // one or two; registries want two
		Other      string   `json:"other,omitempty"`
	}

	// HostInfo asks what a registry knows of a host.
	HostInfo struct {
		Name string `json:"name"`
		TTL  bool   `json:"ttl,omitempty"`
	}
	// HostCreate creates a host.
	HostCreate struct {
		Name      string   `json:"name"`
		Addresses []string `json:"addresses,omitempty"`
		TTL       []TTL    `json:"ttl,omitempty"`
	}
	// HostDelete deletes a host.
	HostDelete struct {
		Name string `json:"name"`
	}
	// HostUpdate changes a host. It changes something.
	HostUpdate struct {
		Name         string   `json:"name"`
		AddAddresses []string `json:"addAddresses,omitempty"`
		RemAddresses []string `json:"remAddresses,omitempty"`
		AddStatus    []Status `json:"addStatus,omitempty"`
		RemStatus    []Status `json:"remStatus,omitempty"`
		NewName      string   `json:"newName,omitempty"`
		TTL          []TTL    `json:"ttl,omitempty"`
	}

	// ContactInfo asks what a registry knows of a contact.
	ContactInfo struct {
		ID       string    `json:"id"`
		AuthInfo *AuthInfo `json:"authInfo,omitempty"`
	}
	// ContactCreate creates a contact. Of the Person it takes ID, PostalInfo, Voice, Fax, Email, AuthInfo
	// and Disclose; the rest must be empty.
	ContactCreate struct{ Person }
	// ContactDelete deletes a contact.
	ContactDelete struct {
		ID string `json:"id"`
	}
	// ContactUpdate changes a contact. It changes something.
	ContactUpdate struct {
		ID        string   `json:"id"`
		AddStatus []Status `json:"addStatus,omitempty"`
		RemStatus []Status `json:"remStatus,omitempty"`
		// What is set in Change changes, as in ContactCreate; nil: nothing. Voice or Fax with an empty
		// Number: none any more. ID is empty.
		Change *Person `json:"change,omitempty"`
	}

	// PollRequest asks for the message at the head of the queue.
	PollRequest struct{}
	// PollAck takes a message off the queue.
	PollAck struct {
		ID string `json:"id"`
	}
)

// Fault says why a command cannot be written, or an answer not be read. Its text holds no value of the
// command: that could be a password.
type Fault struct {
	Member string // of the command, as in "nameservers[2].addresses[0]"; empty: the whole
	Why    string
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Member == "" {
		return f.Why
	}
	return f.Member + ": " + f.Why
}
