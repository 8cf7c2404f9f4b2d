// Package clitest has what the tests of several packages of cmd/eppmux need: files, config files,
// certificates, data units, a registry, a service manager, a terminal, and a password that must
// never be seen. It imports none of the packages that it helps to test.
package clitest
