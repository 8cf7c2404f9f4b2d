package gateway

import (
	"net/http"
	"strconv"

	"eppmux/gateway/carry"
)

// Registries is the answer to GET /v1/registries.
type Registries struct {
	Registries []RegistryInfo `json:"registries"`
}

// RegistryInfo is one registry that the user may use.
type RegistryInfo struct {
	Name     string   `json:"name"`
	Zones    []string `json:"zones" doc:"Suffixes of the names that it has"`
	Up       bool     `json:"up" doc:"Commands can be sent"`
	CheckMax int      `json:"check_max" doc:"Names in one check"`
}

// getRegistries lists the registries that the user may use.
func (s *Server) getRegistries(c *call, _ *http.Request) {
	all := Registries{Registries: []RegistryInfo{}}
	for _, r := range c.state.registries {
		if mayUse(c.user, r) {
			zones := r.Zones
			if zones == nil {
				zones = []string{}
			}
			all.Registries = append(all.Registries, RegistryInfo{r.Name, zones, r.up(), r.CheckMax})
		}
	}
	c.outcome = outcomeNone
	c.answer(&all)
}

// raw sends a command in XML, and gives back the answer, both octet for octet.
func (s *Server) raw(c *call, r *http.Request) {
	reg := c.state.byName[r.PathValue("registry")]
	if reg == nil || !mayUse(c.user, reg) {
		c.refuse(noRegistry.problem("GET /v1/registries tells those that you may use"))
		return
	}
	c.registry = reg.Name
	p := wantType(r, xmlTypes...)
	var body []byte
	if p == nil {
		body, p = c.body(r)
	}
	var key *carry.Key
	if p == nil {
		key, p = idempotencyKey(r, body)
	}
	if p != nil {
		c.refuse(p)
		return
	}
	a, err := s.carrier.Do(r.Context(), carry.Order{User: c.user, Registry: reg.Registry, Payload: body,
		RequestID: c.id, Key: key})
	if err != nil {
		c.refuse(doProblem(err))
		return
	}
	h := c.Header()
	h.Set("Epp-Outcome", string(a.Outcome))
	if a.MuxTRID != "" {
		h.Set("Epp-Muxtrid", a.MuxTRID)
	}
	if a.Outcome != carry.Answered {
		c.refuse(answerProblem(&a))
		return
	}
	if a.Response != nil && len(a.Response.Results) > 0 {
		h.Set("Epp-Code", strconv.Itoa(a.Response.Results[0].Code))
	}
	c.outcome = string(a.Outcome)
	c.page("application/epp+xml", a.Payload)
}
