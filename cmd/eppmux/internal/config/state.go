package config

// State is where the program keeps what other processes of it must know.
type State struct {
	// Dir is absolute, or relative to the folder of the config file; empty: that of the service
	// manager, or one of the user.
	Dir string `yaml:"dir"`

	OnError StateOnError `yaml:"on_error" default:"warn"`
}

// StateOnError says what becomes of commands under long limits whose use cannot be written down.
type StateOnError string

const (
	StateWarn  StateOnError = "warn"  // they are sent all the same
	StateBlock StateOnError = "block" // they wait, and are not sent
)
