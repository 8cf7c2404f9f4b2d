package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
)

func openTestFile(t *testing.T, mode os.FileMode) *passwordFile {
	t.Helper()
	f, err := openPasswordFile(clitest.WriteFile(t, t.TempDir(), "pw", oldPassword+"\n", mode))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func TestPasswordFileSteps(t *testing.T) {
	f := openTestFile(t, 0o400)
	if got, err := f.candidate(); err != nil || !got.Empty() {
		t.Errorf("at first: got a candidate: %v, %v", !got.Empty(), err)
	}
	if err := f.write(config.NewSecret(newPassword)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(f.next); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info, err)
	}
	wantFile(t, "written", f.path, oldPassword)
	if got, err := f.candidate(); err != nil || got.Reveal() != newPassword {
		t.Errorf("written: got the candidate: %v, %v", got.Reveal() == newPassword, err)
	}
	if err := f.write(config.NewSecret(newPassword)); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("a second one: got %v, want it refused", err)
	}
	wantFile(t, "second write", f.next, newPassword) // which removes what it made itself, not this
	if err := f.discard(); err != nil {
		t.Error(err)
	}
	if err := f.promote(); err == nil {
		t.Error("got nothing promoted without an error")
	}
	wantFile(t, "nothing to promote", f.path, oldPassword)
	if err := f.write(config.NewSecret(newPassword)); err != nil {
		t.Fatal(err)
	}
	if err := f.promote(); err != nil {
		t.Error(err)
	}
	wantFile(t, "promoted", f.path, newPassword)
	if got, err := os.ReadFile(f.path); err != nil || !strings.HasSuffix(string(got), "\n") {
		t.Errorf("got %q, want a line", got)
	}
}

// TestOnlyOnePasswd: two runs at a time could make the second take the candidate of the first for
// one that was left.
func TestOnlyOnePasswd(t *testing.T) {
	f := openTestFile(t, 0o600)
	if _, err := openPasswordFile(f.path); err == nil || !strings.Contains(err.Error(), "another eppmux passwd is at work") {
		t.Errorf("got %v, want it refused", err)
	}
	f.close()
	again, err := openPasswordFile(f.path)
	if err != nil {
		t.Fatalf("when the first has ended: got %v", err)
	}
	again.close()
	if _, err := openPasswordFile(f.path + "x"); err == nil {
		t.Error("no file: got no error")
	}
}

// TestPasswordBehindTheLock: a run that has read the config before another one changed the password
// takes the new one for the old one, and it is the file of now that it locks.
func TestPasswordBehindTheLock(t *testing.T) {
	dir := t.TempDir()
	path := clitest.WriteFile(t, dir, "pw", oldPassword+"\n", 0o600)
	clitest.WriteFile(t, dir, "pw.new", newPassword+"\r\n", 0o600)
	r := &config.Registry{Login: config.Login{Password: config.NewSecret(oldPassword), PasswordFile: path}}
	first, err := openPasswordFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.promote(); err != nil {
		t.Fatal(err)
	}
	p := &passwdRun{r: r}
	if err := p.open(new(config.Config)); err != nil {
		t.Fatal(err) // the lock of the first is on a file that is gone
	}
	defer p.file.close()
	if got := p.r.Login.Password.Reveal(); got != newPassword {
		t.Errorf("got the password %q, want the new one", got)
	}
	if _, err := openPasswordFile(path); err == nil {
		t.Error("the file of now is not locked")
	}

	// The first comes to its end while the second is between opening and locking.
	stale, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stale.Close()
	clitest.WriteFile(t, dir, "pw.new", oldPassword, 0o600)
	if err := p.file.promote(); err != nil {
		t.Fatal(err)
	}
	if isFile(stale, path) {
		t.Error("a file that was replaced passes for the one of now")
	}
	clitest.WriteFile(t, dir, "pw.new", "\n", 0o600)
	if err := p.file.promote(); err != nil {
		t.Fatal(err)
	}
	if got, err := p.file.password(); err == nil || !strings.Contains(err.Error(), path+": the password there is empty") {
		t.Errorf("got %q, %v of an empty file", got.Reveal(), err)
	}
}

func TestCandidatesThatAreNone(t *testing.T) {
	f := openTestFile(t, 0o600)
	clitest.WriteFile(t, filepath.Dir(f.path), "pw.new", "\n", 0o600)
	if got, err := f.candidate(); err != nil || !got.Empty() {
		t.Errorf("empty: got %v, want none", err)
	}
	if _, err := os.Stat(f.next); err == nil {
		t.Error("empty: got it left")
	}
	clitest.WriteFile(t, filepath.Dir(f.path), "pw.new", newPassword, 0o644)
	if _, err := f.candidate(); err == nil || !strings.Contains(err.Error(), "pw.new: group or others can reach it") || strings.Contains(err.Error(), clitest.Canary) {
		t.Errorf("open to others: got %v", err)
	}
	os.Remove(f.next)
	if err := os.Mkdir(f.next, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.candidate(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: got %v", err)
	}
}

// TestCandidateHasTheOwner: eppmux must be able to read what root has changed for it.
func TestCandidateHasTheOwner(t *testing.T) {
	f := openTestFile(t, 0o600)
	if err := os.Chown(f.path, 12345, 54321); err != nil {
		t.Skip("needs root to give a file away: ", err)
	}
	if err := f.write(config.NewSecret(newPassword)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.next)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 54321 {
		t.Errorf("got %d:%d, want 12345:54321", st.Uid, st.Gid)
	}
}

// TestNoRoomForTheCandidate: nothing is sent when it cannot be written.
func TestNoRoomForTheCandidate(t *testing.T) {
	f := openTestFile(t, 0o600)
	f.next = filepath.Join(f.path+"-no-such-folder", "x")
	s := &script{t: t}
	p := &passwdRun{r: &config.Registry{Login: config.Login{Password: config.NewSecret(oldPassword)}}, file: f, login: s.login, say: os.Stderr}
	err := p.work(t.Context(), strings.NewReader(newPassword))
	if err == nil || !strings.Contains(err.Error(), "no such file or directory; nothing has changed") || len(s.asked) != 0 {
		t.Errorf("got %v, %q, want no login", err, s.asked)
	}
}

// TestPromoteFails: the registry has the new password, and the message says where it is.
func TestPromoteFails(t *testing.T) {
	f := openTestFile(t, 0o600)
	s := &script{t: t, answers: []talk.LoginResult{{Verdict: talk.LoginAccepted}}}
	p := &passwdRun{r: &config.Registry{Login: config.Login{Password: config.NewSecret(oldPassword)}}, file: f, say: os.Stderr}
	path := f.path
	p.login = func(ctx context.Context, old, next string) talk.LoginResult {
		f.path = filepath.Join(path+"-no-such-folder", "x")
		return s.login(ctx, old, next)
	}
	err := p.work(t.Context(), strings.NewReader(newPassword))
	if err == nil || !strings.Contains(err.Error(), "the registry has the new password, which is in "+f.next) {
		t.Errorf("got %v", err)
	}
	wantFile(t, "promote fails", f.next, newPassword)
}

// TestPasswordFileFails: each step that the disk refuses is an error, and what was there stays.
func TestPasswordFileFails(t *testing.T) {
	open := func() *passwordFile {
		t.Helper()
		f, err := openPasswordFile(clitest.WriteFile(t, t.TempDir(), "pw", oldPassword+"\n", 0o600))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.close)
		return f
	}
	f := open()
	for name, err := range map[string]error{"promote": f.promote(), "discard": f.discard()} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s without a candidate: got %v", name, err)
		}
	}
	if err := os.Mkdir(f.next, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.candidate(); err == nil || !strings.Contains(err.Error(), f.next+": not a regular file") {
		t.Errorf("got %v of a folder in the candidate's place", err)
	}
	if err := f.write(config.NewSecret(newPassword)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if err := f.promote(); err == nil {
		t.Error("a folder has become the password file")
	}
	wantFile(t, "refused", f.path, oldPassword)

	f = open()
	if err := f.write(config.NewSecret(newPassword)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.next, 0o640); err != nil {
		t.Fatal(err)
	}
	if got, err := f.candidate(); err == nil || !got.Empty() || !strings.Contains(err.Error(), "chmod it to 0600") {
		t.Errorf("got %v, %v of a candidate that others read", got, err)
	}
	if err := os.RemoveAll(filepath.Dir(f.path)); err != nil {
		t.Fatal(err)
	}
	if got, err := f.candidate(); err != nil || !got.Empty() {
		t.Errorf("got %v, %v, want no candidate in a folder that is gone", got, err)
	}
	for name, err := range map[string]error{"write": f.write(config.NewSecret(newPassword)), "sync": f.syncFolder()} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in a folder that is gone: got %v", name, err)
		}
	}
}

// TestPasswdSays: what an operator is told where the registry and the disk do not agree.
func TestPasswdSays(t *testing.T) {
	f, err := openPasswordFile(clitest.WriteFile(t, t.TempDir(), "pw", oldPassword+"\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	p := &passwdRun{file: f}
	why := errors.New("the registry answers 2200")
	if err := p.dismiss(why); !errors.Is(err, why) || !strings.Contains(err.Error(), "nothing has changed at the registry, but: ") || !strings.HasSuffix(err.Error(), "; remove "+f.next) {
		t.Errorf("got %v", err)
	}
	if err := p.promote(); err == nil || !strings.HasPrefix(err.Error(), "the registry has the new password, which is in "+f.next+", but: ") || !strings.HasSuffix(err.Error(), "; rename it to "+f.path) {
		t.Errorf("got %v", err)
	}
}
