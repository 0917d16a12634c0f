//go:build !linux

package redisx

import "syscall"

// childAttributes puts the child into a process group of its own, so that
// Ctrl-C reaches the hub first. Only Linux can tie its life to the hub's.
func childAttributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
