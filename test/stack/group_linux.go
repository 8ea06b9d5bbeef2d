package stack

import "syscall"

// ownGroup starts a program in a process group of its own, and has the kernel kill it should this process be killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
