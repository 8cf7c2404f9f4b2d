package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const projectRoot = "../.."

// testVersion is that of packages in tests. They are built without what git knows, since a copy has
// nothing of that.
const testVersion = "1.2.3~test"

func buildPackage(t *testing.T, arch, dir string) string {
	t.Helper()
	t.Setenv("GOFLAGS", "-buildvcs=false")
	b := builder{version: testVersion, arch: arch, maintainer: "Someone <someone@example.org>"}
	path, err := b.build(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// lacking ends a test that cannot run here.
func lacking(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; CI has to have it", err)
		}
		t.Skip(err)
	}
}

// printed is what a program prints; it must not fail.
func printed(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestReproducible: the source alone decides about the octets, not where it lies nor when it is
// built.
func TestReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	one := buildPackage(t, runtime.GOARCH, t.TempDir())
	elsewhere := filepath.Join(t.TempDir(), "a copy")
	copyProject(t, elsewhere)
	t.Chdir(elsewhere)
	other := buildPackage(t, runtime.GOARCH, t.TempDir())
	a, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("the packages differ: %s, %s", one, other)
	}
}

// copyProject copies what a package is made of.
func copyProject(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(projectRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(projectRoot, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(at, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPackage: Debian's tools read the package, and find what belongs there.
func TestPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	lacking(t, "dpkg-deb")
	deb := buildPackage(t, runtime.GOARCH, t.TempDir())
	if want := "eppmux_" + testVersion + "_" + runtime.GOARCH + ".deb"; filepath.Base(deb) != want {
		t.Errorf("got %s, want %s", filepath.Base(deb), want)
	}
	info := printed(t, "dpkg-deb", "--info", deb)
	for _, want := range []string{"Package: eppmux\n", "Version: " + testVersion + "\n", "Maintainer: Someone <someone@example.org>\n", "conffiles", "postinst", "prerm", "postrm", "md5sums"} {
		if !strings.Contains(info, want) {
			t.Errorf("got\n%s\nwant %q in it", info, want)
		}
	}
	contents := printed(t, "dpkg-deb", "--contents", deb)
	for _, want := range []string{
		"-rwxr-xr-x root/root", " ./usr/bin/eppmux\n", " ./etc/eppmux/config.yaml\n", " ./usr/lib/systemd/system/eppmux.service\n",
		" ./usr/lib/systemd/system/eppmux.socket\n", " ./usr/share/man/man1/eppmux-serve.1.gz\n", " ./usr/share/man/man1/eppmux.1.gz\n",
		" ./usr/share/bash-completion/completions/eppmux\n", " ./usr/share/zsh/vendor-completions/_eppmux\n",
		" ./usr/share/fish/vendor_completions.d/eppmux.fish\n", " ./usr/share/doc/eppmux/changelog.gz\n", " ./usr/share/doc/eppmux/runbook.md\n", " ./usr/share/doc/eppmux/cluster.md\n",
	} {
		if !strings.Contains(contents, want) {
			t.Errorf("got\n%s\nwant %q in it", contents, want)
		}
	}
	if strings.Contains(contents, ".yaml\n") && strings.Contains(contents, "testdata") {
		t.Errorf("got\n%s", contents)
	}
	out := t.TempDir()
	printed(t, "dpkg-deb", "--extract", deb, out)
	config := printed(t, "cat", filepath.Join(out, configFile))
	unit := printed(t, "cat", filepath.Join(out, "usr/lib/systemd/system/eppmux.service"))
	if !strings.Contains(config, "\ncontrol:\n  socket: /run/eppmux/control.sock ") || !strings.Contains(unit, "\nRuntimeDirectory=eppmux\n") {
		t.Errorf("got\n%s\n%s\nwant a control socket where the unit makes a folder", config, unit)
	}
	for _, page := range []string{"ctl", "serve", "audit"} {
		text := printed(t, "zcat", filepath.Join(out, "usr/share/man/man1/eppmux-"+page+".1.gz"))
		if !strings.Contains(strings.ReplaceAll(text, `\`, ""), `"/etc/eppmux/config.yaml"`) {
			t.Errorf("eppmux-%s(1) does not know where the config is:\n%s", page, text)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "usr/share/doc/eppmux/copyright"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Apache License", "---- github.com/panjf2000/gnet/v2 v2.10.0, LICENSE", "---- Go " + runtime.Version()} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("copyright lacks %q", want)
		}
	}
	alone := filepath.Join(out, "copyright") // as the image takes it
	b := builder{arch: runtime.GOARCH}
	if err := b.writeCopyright(alone); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(alone); err != nil || !bytes.Equal(got, text) {
		t.Errorf("got %d octets of licences, %v, want the %d of the package", len(got), err, len(text))
	}
}

// TestInstall installs the package, tries what it brings, and removes it again: into a folder and,
// as root in CI, into the system.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	lacking(t, "dpkg")
	if os.Geteuid() != 0 {
		t.Skip("only root can install a package")
	}
	deb := buildPackage(t, runtime.GOARCH, t.TempDir())
	t.Run("folder", func(t *testing.T) {
		root := t.TempDir()
		for _, dir := range []string{"info", "updates", "triggers"} {
			if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		install(t, deb, root, "--root="+root, "--force-script-chrootless", "--log="+filepath.Join(root, "var/lib/dpkg/log"))
		left := printed(t, "find", root, "-path", filepath.Join(root, "var/lib/dpkg"), "-prune", "-o", "-not", "-type", "d", "-print")
		if left != "" {
			t.Errorf("left behind:\n%s", left)
		}
	})
	t.Run("system", func(t *testing.T) {
		if os.Getenv("CI") == "" {
			t.Skip("CI is not set")
		}
		install(t, deb, "/")
	})
}

// install tries the package in root; args are dpkg's.
func install(t *testing.T, deb, root string, args ...string) {
	dpkg := func(more ...string) { t.Helper(); printed(t, "dpkg", append(slices.Clone(args), more...)...) }
	// small systems leave them out
	args = append(args, "--path-include=/usr/share/man/*", "--path-include=/usr/share/doc/*")
	dpkg("--install", deb)
	program, config := filepath.Join(root, "usr/bin/eppmux"), filepath.Join(root, "etc/eppmux/config.yaml")
	if got := printed(t, program, "version"); !strings.HasPrefix(got, "eppmux "+testVersion+" go") {
		t.Errorf("got %q", got)
	}
	if got := printed(t, program, "check", "--config", config); got != "ok\n" {
		t.Errorf("got %q", got)
	}
	serveAMoment(t, program, config)
	if _, err := exec.LookPath("man"); err == nil {
		page := filepath.Join(root, "usr/share/man/man1/eppmux-serve.1.gz")
		if got := printed(t, "man", "--warnings", "--local-file", page); !strings.Contains(got, "SYNOPSIS") || strings.Contains(got, "warning:") {
			t.Errorf("got\n%s", got)
		}
	}
	// The restarts of which no client may notice more than a pause, with what was installed.
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^TestRestartUnderLoad$", "-v", "./cmd/eppmux")
	test.Dir, test.Env = projectRoot, append(os.Environ(), "EPPMUX_TEST_PROGRAM="+program)
	if out, err := test.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestRestartUnderLoad")) {
		t.Errorf("%v\n%s", err, out)
	}
	// A change of the config is the operator's: it survives an update.
	if err := os.WriteFile(config, append([]byte("# mine\n"), printed(t, "cat", config)...), 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg("--force-confold", "--install", deb)
	if got := printed(t, "head", "-1", config); got != "# mine\n" {
		t.Errorf("got %q after an update", got)
	}
	dpkg("--remove", "eppmux")
	if _, err := os.Stat(config); err != nil {
		t.Errorf("got %v after removal, want the config kept", err)
	}
	dpkg("--purge", "eppmux")
	for _, path := range []string{program, config, filepath.Join(root, "etc/eppmux"), filepath.Join(root, "usr/share/doc/eppmux"), filepath.Join(root, "usr/lib/systemd/system/eppmux.service")} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s: got %v after purge", path, err)
		}
	}
}

// serveAMoment runs the packaged config, on ports that the system chooses.
func serveAMoment(t *testing.T, program, config string) {
	t.Helper()
	dir := t.TempDir()
	text := strings.NewReplacer(":7000", ":0", ":7001", ":0", "/run/eppmux/", dir+"/").Replace(printed(t, "cat", config))
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.CommandContext(t.Context(), program, "serve", "--config", file)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); !strings.Contains(printed(t, "cat", log.Name()), "session opened"); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Error("it does not serve")
			break
		}
	}
	if got := printed(t, program, "ctl", "sessions", "--config", file); !strings.Contains(got, "sandbox") {
		t.Errorf("got %q of the control socket", got)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, printed(t, "cat", log.Name()))
	}
}

// TestOtherArchitecture: a package for a machine that cannot run here.
func TestOtherArchitecture(t *testing.T) {
	if testing.Short() || os.Getenv("CI") == "" {
		t.Skip("takes a while; CI is not set")
	}
	lacking(t, "dpkg-deb")
	arch := map[string]string{"amd64": "arm64"}[runtime.GOARCH]
	if arch == "" {
		arch = "amd64"
	}
	if got := printed(t, "dpkg-deb", "--field", buildPackage(t, arch, t.TempDir()), "Architecture"); got != arch+"\n" {
		t.Errorf("got %q, want %s", got, arch)
	}
}

func TestPackageVersion(t *testing.T) {
	for module, want := range map[string]string{
		"v1.2.3":                               "1.2.3",
		"v1.3.0-rc.1":                          "1.3.0~rc.1",
		"v0.0.0-20261121232300-cc8123762c7d":   "0.0.0~20261121232300.cc8123762c7d",
		"v1.2.4-0.20261121232300-cc8123+dirty": "1.2.4~0.20261121232300.cc8123+dirty",
		"(devel)":                              "0~devel",
		"":                                     "0~devel",
	} {
		if got := packageVersion(module); got != want || !debianVersion.MatchString(got) {
			t.Errorf("%q: got %q, want %q", module, got, want)
		}
	}
	b := builder{version: "1.2 beta", arch: runtime.GOARCH}
	if _, err := b.build(t.TempDir()); err == nil {
		t.Error("got no error for a version with a space")
	}
}
