//go:build !failpoint

package failpoint

// Hit is a named place; ordinary builds pass it by.
func Hit(string) {}
