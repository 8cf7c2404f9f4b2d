package rpp

import "eppmux/gateway/mapping"

// Paths below an object. C@0f11225; "latest" MUST work for what can be read.
const (
	objectPath   = "{collection}/{id}"
	transferPath = objectPath + "/processes/transferProcesses"
	renewPath    = objectPath + "/processes/renewProcesses"
	restorePath  = objectPath + "/processes/restoreProcesses"
	createPath   = objectPath + "/processes/createProcesses"
)

// routes are all calls, by path and method. Those that are of C@0f11225 and are not served say so.
var routes map[string]map[string]*route

func init() {
	routes = map[string]map[string]*route{
		"{collection}": {
			"GET":  {serve: missing("objects are not listed")},
			"POST": {serve: (*call).create, body: bodyMust},
		},
		objectPath: {
			"GET":    {serve: (*call).read, parameters: []string{"hostsFilter", "authInfo", "ttl"}},
			"PUT":    {serve: missing("PUT is not served; PATCH is"), body: bodyMay},
			"PATCH":  {serve: (*call).patch, body: bodyMust, parameters: []string{"urgent"}},
			"DELETE": {serve: (*call).remove},
		},
		objectPath + "/availability": {
			"GET":  {serve: (*call).availability},
			"HEAD": {serve: (*call).availability},
		},
		objectPath + "/processes":                {"GET": {serve: missing("processes are not listed")}},
		transferPath:                             {"POST": {serve: (*call).transfer, body: bodyMust}, "GET": {serve: missing("processes are not listed")}},
		transferPath + "/latest":                 {"GET": {serve: transferOp("query")}, "DELETE": {serve: transferOp("cancel")}},
		transferPath + "/latest/transferApprove": {"POST": {serve: transferOp("approve"), body: bodyMay}},
		transferPath + "/latest/transferReject":  {"POST": {serve: transferOp("reject"), body: bodyMay}},
		renewPath:                                {"POST": {serve: (*call).renew, body: bodyMust}, "GET": {serve: missing("processes are not listed")}},
		renewPath + "/latest":                    {"GET": {serve: missing("renewals are not kept: read the object")}},
		restorePath:                              {"POST": {serve: (*call).restore, body: bodyMay}, "GET": {serve: missing("processes are not listed")}},
		restorePath + "/latest":                  {"GET": {serve: missing("EPP has no reading of a restore: read the object's status")}},
		restorePath + "/latest/report":           {"POST": {serve: (*call).report, body: bodyMust}},
		createPath:                               {"GET": {serve: missing("processes are not listed")}},
		createPath + "/latest":                   {"GET": {serve: missing("creations are not kept: read the object")}},
		messagesName:                             {"GET": {serve: (*call).message}},
		messagesName + "/{id}":                   {"GET": {serve: (*call).message}, "DELETE": {serve: (*call).acknowledge}},
	}
}

// missing serves what RPP has and the gateway has not.
func missing(reason string) func(*call) reply {
	return func(c *call) reply { return c.no(codeUnimplemented, reason) }
}

// object is the kind of the call's object in EPP.
func (c *call) object() mapping.Object {
	switch c.coll {
	case domains:
		return mapping.DomainObject
	case hosts:
		return mapping.HostObject
	}
	return mapping.ContactObject
}
