// Package cli has what the commands of the program share and what does not know the config file:
// how a command ends, addresses on a command line, asking for a password, files with secrets, and
// words for people.
//
// A command returns nil, or an error made by Exit, Failed or Misused. The error has the exit code
// of the program and what it prints last.
package cli
