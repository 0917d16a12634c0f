package binding

import (
	"context"
	"errors"
	"time"
)

// Sentinels of an identity provider.
var (
	// ErrCredentials says that user name and password do not belong together,
	// or that there is no such user: the two look the same.
	ErrCredentials = errors.New("user name or password is wrong")
	// ErrIdentityDown says that the provider gave no usable answer.
	ErrIdentityDown = errors.New("identity provider does not answer")
)

// LockedError says that the provider locked the user for a while.
type LockedError struct{ For time.Duration }

func (e *LockedError) Error() string { return "user is locked for " + e.For.String() }

// Person is who the university says somebody is; no more than binding needs.
type Person struct {
	AccountNo string // the card account
	Name      string // to greet with; not stored
}

// Identity checks a password with the university. Implementations are safe
// for concurrent use, and neither keep nor log the password.
type Identity interface {
	// Login says who has these credentials.
	// Errors: ErrCredentials, *LockedError, ErrIdentityDown.
	Login(ctx context.Context, user, password string) (Person, error)
}
