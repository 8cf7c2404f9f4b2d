package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

//go:embed scripts
var scripts embed.FS

// files returns the files of the package. program is the program that goes into it.
func (b *builder) files(program string) ([]file, error) {
	var all []file
	for _, f := range []struct {
		to, from string
		mode     int64
	}{
		{"usr/bin/eppmux", program, 0o755},
		{"usr/lib/systemd/system/eppmux.service", "deploy/systemd/eppmux.service", 0o644},
		{"usr/lib/systemd/system/eppmux.socket", "deploy/systemd/eppmux.socket", 0o644},
		{"usr/share/doc/eppmux/README.md", "README.md", 0o644},
		{"usr/share/doc/eppmux/behaviour.md", "docs/behaviour.md", 0o644},
		{"usr/share/doc/eppmux/cluster.md", "docs/cluster.md", 0o644},
		{"usr/share/doc/eppmux/faults.md", "docs/faults.md", 0o644},
		{"usr/share/doc/eppmux/first-registry.md", "docs/first-registry.md", 0o644},
		{"usr/share/doc/eppmux/install.md", "docs/install.md", 0o644},
		{"usr/share/doc/eppmux/reference.md", "docs/reference.md", 0o644},
		{"usr/share/doc/eppmux/runbook.md", "docs/runbook.md", 0o644},
		{"usr/share/doc/eppmux/security.md", "docs/security.md", 0o644},
	} {
		from := f.from
		if !filepath.IsAbs(from) {
			from = filepath.Join(b.root, from)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, err
		}
		all = append(all, file{f.to, f.mode, data})
	}
	for _, add := range []func(string) ([]file, error){b.config, b.changelog, b.copyright, b.generated} {
		more, err := add(program)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

const configFile = "etc/eppmux/config.yaml"

// The line of the control socket in config.yaml, which is for "eppmux serve" in any folder, and the
// line that takes its place: the unit makes a folder for the socket.
const (
	shippedSocket = `  socket: ""                          ` +
		`# path such as /run/eppmux/control.sock, for "eppmux ctl"; "" for none`
	installedSocket = `  socket: /run/eppmux/control.sock    ` +
		`# for "eppmux ctl", which then is root's; "" for none`
)

// config returns config.yaml, adapted to a service.
func (b *builder) config(string) ([]file, error) {
	data, err := os.ReadFile(filepath.Join(b.root, "config.yaml"))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(data, []byte(shippedSocket)); n != 1 {
		return nil, fmt.Errorf("config.yaml: got %d lines %q, want 1", n, shippedSocket)
	}
	return []file{{configFile, 0o644, bytes.Replace(data, []byte(shippedSocket), []byte(installedSocket), 1)}}, nil
}

func (b *builder) changelog(string) ([]file, error) {
	data, err := os.ReadFile(filepath.Join(b.root, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	return []file{{"usr/share/doc/eppmux/changelog.gz", 0o644, zipped(data)}}, nil
}

// generated returns the manual pages and completions, as the program writes them. If it cannot run
// here, another one is built for this machine to write them.
func (b *builder) generated(program string) ([]file, error) {
	if b.arch != runtime.GOARCH || runtime.GOOS != "linux" {
		program = filepath.Join(b.work, "here")
		_, err := b.run([]string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", b.settings(),
			"-o", program, "./cmd/eppmux")
		if err != nil {
			return nil, err
		}
	}
	var all []file
	for shell, to := range map[string]string{
		"bash": "bash-completion/completions/eppmux",
		"zsh":  "zsh/vendor-completions/_eppmux",
		"fish": "fish/vendor_completions.d/eppmux.fish",
	} {
		script, err := b.run(nil, program, "completion", shell)
		if err != nil {
			return nil, err
		}
		all = append(all, file{"usr/share/" + to, 0o644, script})
	}
	dir := filepath.Join(b.work, "man")
	if _, err := b.run(nil, program, "man", "--out", dir); err != nil {
		return nil, err
	}
	pages, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		data, err := os.ReadFile(filepath.Join(dir, p.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, file{"usr/share/man/man1/" + p.Name() + ".gz", 0o644, zipped(data)})
	}
	return all, nil
}

// writeCopyright writes what copyright returns to a file.
func (b *builder) writeCopyright(path string) error {
	if err := b.find(); err != nil {
		return err
	}
	files, err := b.copyright("")
	if err != nil {
		return err
	}
	return os.WriteFile(path, files[0].data, 0o644)
}

// copyright returns our licence and the licences of all modules that are linked into the program:
// most of them demand it of a binary.
func (b *builder) copyright(string) ([]file, error) {
	out, err := b.run(target(b.arch), "go", "list", "-deps",
		"-f", "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}", "./cmd/eppmux")
	if err != nil {
		return nil, err
	}
	goroot, err := b.run(nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(modules)
	modules = append(slices.Compact(modules), "Go "+runtime.Version()+"\t"+strings.TrimSpace(string(goroot)))
	var text bytes.Buffer
	text.WriteString("eppmux is licensed under the Apache License, version 2.0; on Debian see also\n" +
		"/usr/share/common-licenses/Apache-2.0. The program contains the modules named below.\n")
	for _, m := range modules {
		name, dir, _ := strings.Cut(m, "\t")
		if name == "" {
			continue // of the standard library
		}
		if err := licences(&text, strings.TrimSpace(name), dir); err != nil {
			return nil, err
		}
	}
	return []file{{"usr/share/doc/eppmux/copyright", 0o644, text.Bytes()}}, nil
}

// licences appends the files in dir that say under what terms its content may be used.
func licences(text *bytes.Buffer, name, dir string) error {
	found := false
	for _, pattern := range []string{"LICEN[CS]E*", "COPYING*", "NOTICE*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(text, "\n---- %s, %s\n\n%s", name, filepath.Base(path), data)
			found = true
		}
	}
	if !found && !strings.HasPrefix(name, "Go ") { // a distribution's Go may have its licence elsewhere
		return fmt.Errorf("%s: no licence in %s", name, dir)
	}
	return nil
}

// zipped returns data for gunzip, without a name or time.
func zipped(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	_, _ = w.Write(data) // into memory: it does not fail
	_ = w.Close()
	return b.Bytes()
}
