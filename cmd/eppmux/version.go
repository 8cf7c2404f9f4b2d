package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version of a package, which sets it with -ldflags "-X main.release=1.2.3"; empty:
// no package did.
var release string

// version is the release. Without one it is the module version that the program was built from,
// else the commit, else "devel".
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

// buildVersion is version for a program without a release.
func buildVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if commit := buildCommit(info); commit != "" {
		return commit
	}
	return "devel"
}

// buildCommit is the first 12 digits of the commit, with "+changed" if files differed from it;
// empty if the commit is not known.
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

// versionLine is what "eppmux version" prints. It has the commit as well if the version does not.
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
