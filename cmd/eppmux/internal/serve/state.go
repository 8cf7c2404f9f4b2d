package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// stateFolder returns the folder where processes of this host find each other: that of the config,
// or of the service manager, or one of this user. It makes only the last one.
func stateFolder(cfg *config.Config) (string, error) {
	if cfg.State.Dir != "" {
		return cfg.State.Dir, nil
	}
	for _, name := range []string{"STATE_DIRECTORY", "RUNTIME_DIRECTORY"} {
		// systemd.exec(5): with several folders the variable has all of them.
		if first, _, _ := strings.Cut(os.Getenv(name), ":"); first != "" {
			return first, nil
		}
	}
	return ownFolder(filepath.Join(os.TempDir(), fmt.Sprintf("eppmux-%d", os.Geteuid())))
}

// ownFolder makes a folder that nobody else can use. One that is there already must be such a
// folder: in /tmp anybody may have made it.
func ownFolder(path string) (string, error) {
	made := os.Mkdir(path, 0o700)
	info, err := os.Lstat(path)
	switch {
	case made != nil && !errors.Is(made, os.ErrExist):
		return "", made
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s: not a folder", path)
	}
	if err := cli.Private(info); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return path, nil
}
