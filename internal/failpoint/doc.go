// Package failpoint lets a test end the process at a named place.
//
// Hit does nothing in an ordinary build. Built with the tag failpoint, it ends
// the process with SIGKILL, without a last word, when the place is the one
// that GUODU_FAILPOINT names: a crash as it happens, at an instant that a test
// chose. The tests' kill matrix lists the places.
package failpoint
