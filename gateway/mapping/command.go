package mapping

// Object is the kind of object that a command is about.
type Object uint8

const (
	DomainObject Object = iota
	HostObject
	ContactObject
	NoObject // poll
)

// Command is one of the commands of this package, as a pointer.
type Command interface {
	// Kind is what a listener may allow or not: check, info, transfer:query, …
	Kind() string
	Object() Object
	// Named are the names or ids of the objects.
	Named() []string
	// Transform reports whether it changes something at the registry.
	Transform() bool

	write(w *writer) error
}

// The commands. Names may be U-labels or A-labels; A-labels are sent (RFC 5731 section 2.1).
type (
	// CheckCommand asks whether objects can be created.
	CheckCommand struct {
		Of    Object
		Names []string
		Fee   *FeeCheck // prices too; domains only
	}
	// FeeCheck asks for prices (RFC 8748 section 5.1.1).
	FeeCheck struct {
		Currency string
		Commands []FeeCommand // Command and Period of each
	}

	DomainInfo struct {
		Name     string
		Hosts    string // all, del, sub or none; empty: all
		AuthInfo *AuthInfo
		TTL      bool // asks for times to live (RFC 9803 section 2.1.1)
	}
	DomainCreate struct {
		Name        string
		Period      *Period
		Nameservers []Nameserver
		Registrant  string
		Contacts    []Contact
		AuthInfo    AuthInfo
		SecDNS      *SecDNS
		TTL         []TTL
		Fee         *Charge // what the caller agrees to pay
	}
	DomainDelete struct{ Name string }
	DomainRenew  struct {
		Name       string
		CurExpDate string // a date: 2026-11-30
		Period     *Period
		Fee        *Charge
	}
	// TransferCommand is for domains and contacts. Op: request, query, approve, reject, cancel.
	TransferCommand struct {
		Of       Object
		Op       string
		Name     string
		Period   *Period // domains
		AuthInfo *AuthInfo
		Fee      *Charge
	}
	DomainUpdate struct {
		Name       string
		Add, Rem   DomainChange
		Registrant *string   // new one; empty: none any more
		AuthInfo   *AuthInfo // new one; RemoveAuthInfo: none any more
		NoAuthInfo bool
		SecDNS     *SecDNSUpdate
		TTL        []TTL
		Restore    bool           // RGP: op request (RFC 3915 section 4.2.5)
		Report     *RestoreReport // RGP: op report
		Fee        *Charge
	}
	DomainChange struct {
		Nameservers []Nameserver
		Contacts    []Contact
		Status      []Status
	}
	// SecDNSUpdate is RFC 5910 section 5.2.5. Rem goes before Add.
	SecDNSUpdate struct {
		Urgent     bool
		RemAll     bool
		Rem, Add   SecDNS
		MaxSigLife int // 0: as it is
	}
	RestoreReport struct {
		PreData, PostData string
		DelTime, ResTime  string
		ResReason         string
		Statements        []string // two
		Other             string
	}

	HostInfo struct {
		Name string
		TTL  bool
	}
	HostCreate struct {
		Name      string
		Addresses []string
		TTL       []TTL
	}
	HostDelete struct{ Name string }
	HostUpdate struct {
		Name                       string
		AddAddresses, RemAddresses []string
		AddStatus, RemStatus       []Status
		NewName                    string
		TTL                        []TTL
	}

	ContactInfo struct {
		ID       string
		AuthInfo *AuthInfo
	}
	ContactCreate struct{ Person } // with ID, PostalInfo, Voice, Fax, Email, AuthInfo, Disclose
	ContactDelete struct{ ID string }
	ContactUpdate struct {
		ID                   string
		AddStatus, RemStatus []Status
		Change               *Person // what is set changes; nil: nothing. Voice or Fax with an empty Number: none any more
	}

	PollRequest struct{}
	PollAck     struct{ ID string }
)

// Fault says why a command cannot be written, or an answer not be read.
type Fault struct {
	Member string // of the command, as in "nameservers[2].addresses[0]"; empty: the whole
	Why    string
}

func (f *Fault) Error() string {
	if f.Member == "" {
		return f.Why
	}
	return f.Member + ": " + f.Why
}
