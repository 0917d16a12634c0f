package redisx

import "syscall"

// childAttributes puts the child into a process group of its own, so that
// Ctrl-C reaches the hub first, and with lifeline lets the kernel end it when
// the hub is gone.
func childAttributes(lifeline bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if lifeline {
		a.Pdeathsig = syscall.SIGTERM
	}
	return a
}
