// Command deb builds the Debian package of eppmux, with nothing but Go:
//
//	go run ./deploy/deb [--version 1.2.3] [--arch arm64] [--out DIR]
//
// It builds the program without cgo and lets it write its own manual pages and shell completions.
// It adds the units, the config file, the pages of docs and the licences of all modules that are
// linked in. It writes eppmux_VERSION_ARCH.deb and prints the path.
//
// For an image, which has the program and no package, --copyright FILE writes the licences alone.
//
// The same source, Go and arguments give the same octets. All times in the package are one: that of
// SOURCE_DATE_EPOCH or of the commit, or the year 2000.
package main

import (
	"bytes"
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	b := builder{}
	flag.StringVar(&b.version, "version", "",
		"version of the package and the program, such as 1.2.3 (default: what the commit says)")
	flag.StringVar(&b.arch, "arch", runtime.GOARCH, "GOARCH of the package")
	flag.StringVar(&b.maintainer, "maintainer", "eppmux maintainers <maintainers@eppmux.invalid>",
		"who makes the package")
	out := flag.String("out", ".", "where to write it")
	copyright := flag.String("copyright", "",
		"write the licences of all that is linked in to this file, and no package")
	flag.Parse()
	if *copyright != "" {
		if err := b.writeCopyright(*copyright); err != nil {
			fmt.Fprintln(os.Stderr, "deb:", err)
			os.Exit(1)
		}
		return
	}
	path, err := b.build(*out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "deb:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// builder makes one package.
type builder struct {
	version    string // empty: as the program says
	arch       string // as Go calls it
	maintainer string

	root string    // of the project
	work string    // a folder for what is made on the way
	time time.Time // of everything in the package
}

// debianArch has the architectures that Debian calls otherwise than Go.
var debianArch = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el"}

// build writes the package into dir and returns its path.
func (b *builder) build(dir string) (path string, err error) {
	if b.version != "" {
		if err := b.checkVersion(); err != nil {
			return "", err
		}
	}
	if err := b.find(); err != nil {
		return "", err
	}
	if b.work, err = os.MkdirTemp("", "eppmux-deb-"); err != nil {
		return "", err
	}
	defer os.RemoveAll(b.work)
	program := filepath.Join(b.work, "eppmux")
	if err := b.compile(program, b.arch); err != nil {
		return "", err
	}
	if err := b.date(program); err != nil {
		return "", err
	}
	files, err := b.files(program)
	if err != nil {
		return "", err
	}
	arch := b.arch
	if name, other := debianArch[arch]; other {
		arch = name
	}
	deb, err := b.archive(files, arch)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("eppmux_%s_%s.deb", b.version, arch))
	return path, os.WriteFile(path, deb, 0o644)
}

// find finds the root of the project.
func (b *builder) find() error {
	root, err := b.run(nil, "go", "list", "-m", "-f", "{{.Dir}}")
	b.root = strings.TrimSpace(string(root))
	return err
}

// run runs a command at the root of the project and returns what it prints on its standard output.
func (b *builder) run(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = b.root, append(os.Environ(), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.Bytes())
	}
	return out, nil
}

// target returns the environment for an architecture. Without cgo the program needs nothing of the
// system that runs it.
func target(arch string) []string { return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch} }

// compile builds the program.
func (b *builder) compile(path, arch string) error {
	_, err := b.run(target(arch), "go", "build", "-trimpath", "-ldflags", "-s -w"+b.settings(),
		"-o", path, "./cmd/eppmux")
	return err
}

// settings returns the settings of the linker that tell the program what the package knows.
func (b *builder) settings() string {
	s := " -X main.defaultConfigFile=/" + configFile
	if b.version != "" {
		s += " -X main.release=" + b.version
	}
	return s
}

var debianVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~]*$`)

func (b *builder) checkVersion() error {
	if !debianVersion.MatchString(b.version) {
		return fmt.Errorf("version %q: must begin with a digit and have only letters, digits and .+~", b.version)
	}
	return nil
}

// date takes the version and the time of the commit from the program, as far as they were not
// given.
func (b *builder) date(program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	if b.version == "" {
		b.version = packageVersion(info.Main.Version)
	}
	if err := b.checkVersion(); err != nil {
		return err
	}
	b.time = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if b.time, err = time.Parse(time.RFC3339, s.Value); err != nil {
				return err
			}
		}
	}
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		sec, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		b.time = time.Unix(sec, 0)
	}
	return nil
}

// packageVersion turns a version of a Go module into one that Debian sorts likewise: a suffix
// behind a hyphen comes before the release of that number.
func packageVersion(module string) string {
	if module == "" || module == "(devel)" {
		return "0~devel"
	}
	v := strings.Replace(strings.TrimPrefix(module, "v"), "-", "~", 1)
	return strings.ReplaceAll(v, "-", ".")
}
