package clitest

import (
	"flag"
	"strings"
)

// RegistryYAML is a config of one registry, on lines 2 and up. The lines of more follow, indented
// as its keys.
func RegistryYAML(more ...string) string {
	return "registries:\n" +
		"  - name: a\n" +
		"    listen: [\"tcp://127.0.0.1:7000\"]\n" +
		"    address: epp.registry.example:700\n    " +
		strings.Join(more, "\n    ") + "\n"
}

// Update is the flag with which tests write their golden files.
var Update = flag.Bool("update", false, "write the golden files anew")

// SandboxYAML is a complete config of one built-in registry. More of its keys may follow, on lines
// 3 and up.
func SandboxYAML(more ...string) string {
	return "registries:\n" +
		"  - {name: a, address: sandbox, listen: [\"tcp://127.0.0.1:7000\"]" +
		strings.Join(append([]string{""}, more...), ",\n     ") + "}\n"
}

// Canary is a password that nothing may show, in any form: see FindSecret.
const Canary = "cAnArY-7f3d"
