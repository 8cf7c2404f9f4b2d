package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version that whoever made a package gave it, with -ldflags "-X
// main.release=1.2.3"; empty: none.
var release string

// version is the release, or the module version that the program was built from, or the commit, or
// "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case release != "":
		return release
	case !ok:
		return "devel"
	}
	return buildVersion(info)
}

func buildVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if commit := buildCommit(info); commit != "" {
		return commit
	}
	return "devel"
}

// buildCommit is what is known of the commit: its first 12 digits, and "+changed" where files
// differed from it.
func buildCommit(info *debug.BuildInfo) string {
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changed"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + changed
}

// versionLine has the commit too, where the version does not say it.
func versionLine() string {
	v := version()
	if info, ok := debug.ReadBuildInfo(); ok {
		if commit, _, _ := strings.Cut(buildCommit(info), "+"); commit != "" && !strings.Contains(v, commit) {
			v += " (" + buildCommit(info) + ")"
		}
	}
	return fmt.Sprintf("eppmux %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of the program, its commit, and of Go",
		Example: "  eppmux version",
		Args:    cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), versionLine())
		},
	}
}
