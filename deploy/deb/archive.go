package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// file is one file of the package.
type file struct {
	path string // from the root, without a slash before it
	mode int64
	data []byte
}

// archive returns the package in the format of deb(5): an ar archive of a version, the control
// files and the files.
func (b *builder) archive(files []file, arch string) ([]byte, error) {
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	control, err := b.control(files, arch)
	if err != nil {
		return nil, err
	}
	controlTar, err := tarball(control, b.time)
	if err != nil {
		return nil, err
	}
	dataTar, err := tarball(files, b.time)
	if err != nil {
		return nil, err
	}
	var ar bytes.Buffer
	ar.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", controlTar}, {"data.tar.gz", dataTar}} {
		fmt.Fprintf(&ar, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", m.name, b.time.Unix(), 0, 0, 0o100644, len(m.data))
		ar.Write(m.data)
		if len(m.data)%2 == 1 {
			ar.WriteByte('\n')
		}
	}
	return ar.Bytes(), nil
}

// tarball returns an archive of files, which are sorted. Each folder stands before the files in it.
// Everything belongs to root.
func tarball(files []file, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b) // its header has no name and no time
	t := tar.NewWriter(zip)
	folders := make(map[string]bool)
	for _, f := range files {
		for _, folder := range foldersOf(f.path) {
			if folders[folder] {
				continue
			}
			folders[folder] = true
			if err := t.WriteHeader(header(folder+"/", tar.TypeDir, 0o755, 0, at)); err != nil {
				return nil, err
			}
		}
		if err := t.WriteHeader(header(f.path, tar.TypeReg, f.mode, len(f.data), at)); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := zip.Close()
	return b.Bytes(), err
}

func header(name string, kind byte, mode int64, size int, at time.Time) *tar.Header {
	name = "./" + strings.TrimPrefix(name, "./")
	return &tar.Header{
		Name:     name,
		Typeflag: kind,
		Mode:     mode,
		Size:     int64(size),
		ModTime:  at,
		Uname:    "root",
		Gname:    "root",
		Format:   tar.FormatGNU,
	}
}

// foldersOf returns the folders of a path, the outermost first.
func foldersOf(p string) []string {
	dir := path.Dir(p)
	if dir == "." {
		return []string{"."}
	}
	return append(foldersOf(dir), dir)
}

// control returns the control files: the description of the package, the sums of its files, and the
// scripts that run at installation and removal.
func (b *builder) control(files []file, arch string) ([]file, error) {
	var sums, conffiles strings.Builder
	octets := 0
	for _, f := range files {
		octets += len(f.data)
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.data), f.path)
		if strings.HasPrefix(f.path, "etc/") {
			fmt.Fprintf(&conffiles, "/%s\n", f.path)
		}
	}
	control := fmt.Sprintf(`Package: eppmux
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Recommends: ca-certificates
Section: net
Priority: optional
Description: EPP proxy and session multiplexer
 Lets any number of EPP clients of a registrar share the few sessions that a
 registry grants, within the registry's limits, each with its own answers in
 order. As installed it serves a built-in registry on loopback, to try it.
`, b.version, arch, b.maintainer, (octets+1023)/1024)
	all := []file{
		{"conffiles", 0o644, []byte(conffiles.String())},
		{"control", 0o644, []byte(control)},
		{"md5sums", 0o644, []byte(sums.String())},
	}
	for _, name := range []string{"postinst", "postrm", "prerm"} {
		text, err := scripts.ReadFile("scripts/" + name)
		if err != nil {
			return nil, err
		}
		all = append(all, file{name, 0o755, text})
	}
	return all, nil
}
