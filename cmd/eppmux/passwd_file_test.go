package main

import (
	"context"
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
