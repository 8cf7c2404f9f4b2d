// Package config is the config file: which keys there are, what each may be, what it stands for,
// and the files with secrets that it names.
//
//	c, err := config.Load("config.yaml") // err is a *Faults: all faults, each with its line
//
// Load works in two steps. It reads the YAML into a Config that has its defaults (read.go,
// kinds.go). While it reads a registry, it fills in what the registry's profile knows and the file
// leaves out (profile.go). Then it checks the rules, and loads passwords and certificates
// (rules.go, check.go, load.go). LoadValues stops before the rules, for commands that need no
// password.
//
// # Keys
//
// A key is one field of a struct. Its type says how it is written (kinds.go), and its tags say the
// rest:
//
//   - yaml is the name of the key. A field without it is no key. ",inline" makes the fields of a
//     struct keys of the mapping around it. A pointer is nil where the file leaves the key out.
//   - default is what the key is where the file leaves it out, as the file would write it. Without
//     the tag it is the zero value.
//   - min and max bound an int. Each is a number, another key of the mapping, or such a key and
//     what is added to it, as in "max_frame + 4".
//   - unit is what an int counts, for the fault about its bounds.
//   - zero says what 0 stands for. An int may then be 0 beside its bounds. A duration may be 0 only
//     then: without the tag it must be above 0.
//
// A rule that needs more than one number is code: the method rule of the struct, see ruler.
//
// # Ownership
//
// A Config and all that it holds is immutable once it is loaded, but for a KeyPair, which follows
// its files by itself. Passwords are Secrets, which nothing prints.
package config
