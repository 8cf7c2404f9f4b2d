package rpp

import (
	"net/http"
	"slices"
)

// The discovery document. C@0f11225: members without omitempty are required there. The names of objects
// are the identifiers of D@57b0e3f; C's example has others ("domains").
type (
	discovery struct {
		BaseURL        string             `json:"base_url"`
		Version        string             `json:"version"`
		Environment    environment        `json:"environment"`
		TLDs           []string           `json:"tlds"`
		Objects        []string           `json:"objects"`
		Endpoints      []endpoint         `json:"endpoints"`
		Extensions     []string           `json:"extensions"`
		Profiles       []discoveryProfile `json:"profiles"`
		Authentication []string           `json:"authentication"`
	}
	environment struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	endpoint struct {
		Name        string `json:"name"`
		URLTemplate string `json:"url_template"`
	}
	discoveryProfile struct {
		Name    string `json:"name"`
		ID      string `json:"id"`
		Version string `json:"version"`
	}
)

// endpoints are those that are served. C@0f11225 has the names of the variables.
var endpoints = []endpoint{
	{"availability", "/{collection}/{id}/availability"},
	{"collection", "/{collection}"},
	{"object", "/{collection}/{id}"},
	{"processes", "/{collection}/{id}/processes/{process-collection}"},
	{"process", "/{collection}/{id}/processes/{process-collection}/{process-id}"},
	{"messages", "/messages"},
	{"message", "/messages/{id}"},
}

// discovery answers what is served here. C@0f11225: without a login. own: without any header of RPP also.
func (c *call) discovery() reply {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		a := c.refuse(http.StatusMethodNotAllowed, codeUnimplemented, newEntry(codeUnimplemented, "this path has no such method"))
		a.allow = "GET, HEAD"
		return a
	}
	d := discovery{
		BaseURL: c.h.baseURL(c.r) + prefix, Version: rppVersion, Environment: environment{"eppmux", "experimental"},
		TLDs: []string{}, Objects: []string{domains.typ, hosts.typ, contacts.typ}, Endpoints: endpoints, Extensions: []string{},
		Profiles: []discoveryProfile{{"epp-compatibility", profileURN, profileVersion}}, Authentication: []string{"Bearer", "Basic"},
	}
	for _, r := range c.h.registries() {
		d.TLDs = append(d.TLDs, r.Zones...)
	}
	slices.Sort(d.TLDs)
	d.TLDs = slices.Compact(d.TLDs)
	return reply{status: http.StatusOK, code: codeDone, body: &d, media: mediaJSON}
}
