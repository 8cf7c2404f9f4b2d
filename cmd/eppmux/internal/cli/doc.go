// Package cli is what the commands of the program share, and what does not know of the config file:
// how a command ends, addresses on a command line, asking for a password, files with secrets, and
// words for people.
//
// A command returns nil, or an error of Exit, Failed or Misused, which says with which code the
// program ends and what it prints last.
package cli
