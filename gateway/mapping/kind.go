package mapping

// The methods of the commands that say what they are.

func (c *CheckCommand) Kind() string    { return "check" }
func (c *DomainInfo) Kind() string      { return "info" }
func (c *HostInfo) Kind() string        { return "info" }
func (c *ContactInfo) Kind() string     { return "info" }
func (c *DomainCreate) Kind() string    { return "create" }
func (c *HostCreate) Kind() string      { return "create" }
func (c *ContactCreate) Kind() string   { return "create" }
func (c *DomainDelete) Kind() string    { return "delete" }
func (c *HostDelete) Kind() string      { return "delete" }
func (c *ContactDelete) Kind() string   { return "delete" }
func (c *DomainRenew) Kind() string     { return "renew" }
func (c *DomainUpdate) Kind() string    { return "update" }
func (c *HostUpdate) Kind() string      { return "update" }
func (c *ContactUpdate) Kind() string   { return "update" }
func (c *TransferCommand) Kind() string { return "transfer:" + c.Op }
func (c *PollRequest) Kind() string     { return "poll:req" }
func (c *PollAck) Kind() string         { return "poll:ack" }

func (c *CheckCommand) Object() Object    { return c.Of }
func (c *DomainInfo) Object() Object      { return DomainObject }
func (c *HostInfo) Object() Object        { return HostObject }
func (c *ContactInfo) Object() Object     { return ContactObject }
func (c *DomainCreate) Object() Object    { return DomainObject }
func (c *HostCreate) Object() Object      { return HostObject }
func (c *ContactCreate) Object() Object   { return ContactObject }
func (c *DomainDelete) Object() Object    { return DomainObject }
func (c *HostDelete) Object() Object      { return HostObject }
func (c *ContactDelete) Object() Object   { return ContactObject }
func (c *DomainRenew) Object() Object     { return DomainObject }
func (c *DomainUpdate) Object() Object    { return DomainObject }
func (c *HostUpdate) Object() Object      { return HostObject }
func (c *ContactUpdate) Object() Object   { return ContactObject }
func (c *TransferCommand) Object() Object { return c.Of }
func (c *PollRequest) Object() Object     { return NoObject }
func (c *PollAck) Object() Object         { return NoObject }

func (c *CheckCommand) Named() []string    { return c.Names }
func (c *DomainInfo) Named() []string      { return []string{c.Name} }
func (c *HostInfo) Named() []string        { return []string{c.Name} }
func (c *ContactInfo) Named() []string     { return []string{c.ID} }
func (c *DomainCreate) Named() []string    { return []string{c.Name} }
func (c *HostCreate) Named() []string      { return []string{c.Name} }
func (c *ContactCreate) Named() []string   { return []string{c.ID} }
func (c *DomainDelete) Named() []string    { return []string{c.Name} }
func (c *HostDelete) Named() []string      { return []string{c.Name} }
func (c *ContactDelete) Named() []string   { return []string{c.ID} }
func (c *DomainRenew) Named() []string     { return []string{c.Name} }
func (c *DomainUpdate) Named() []string    { return []string{c.Name} }
func (c *HostUpdate) Named() []string      { return []string{c.Name} }
func (c *ContactUpdate) Named() []string   { return []string{c.ID} }
func (c *TransferCommand) Named() []string { return []string{c.Name} }
func (c *PollRequest) Named() []string     { return nil }
func (c *PollAck) Named() []string         { return nil }

func (c *CheckCommand) Transform() bool    { return false }
func (c *DomainInfo) Transform() bool      { return false }
func (c *HostInfo) Transform() bool        { return false }
func (c *ContactInfo) Transform() bool     { return false }
func (c *DomainCreate) Transform() bool    { return true }
func (c *HostCreate) Transform() bool      { return true }
func (c *ContactCreate) Transform() bool   { return true }
func (c *DomainDelete) Transform() bool    { return true }
func (c *HostDelete) Transform() bool      { return true }
func (c *ContactDelete) Transform() bool   { return true }
func (c *DomainRenew) Transform() bool     { return true }
func (c *DomainUpdate) Transform() bool    { return true }
func (c *HostUpdate) Transform() bool      { return true }
func (c *ContactUpdate) Transform() bool   { return true }
func (c *TransferCommand) Transform() bool { return c.Op != "query" }
func (c *PollRequest) Transform() bool     { return false }
func (c *PollAck) Transform() bool         { return true }
