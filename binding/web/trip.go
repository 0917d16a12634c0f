package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"
)

const (
	// tripLife is how long a browser may take to the channel and back.
	tripLife = 15 * time.Minute
	// backMax bounds the address that a trip remembers, in bytes.
	backMax = 256
)

// trip is what a browser carries to a channel's OAuth and back, in a signed
// cookie for each channel. So nothing is stored here for somebody whom no channel
// has named, however many come.
type trip struct {
	State string `json:"state,omitempty"` // until it was used
	Back  string `json:"back,omitempty"`  // the page to go back to
	Codes int    `json:"codes,omitempty"` // bad codes in a row
}

// newTrips signs and reads trips. Hubs that share no key each have their own.
func newTrips(key []byte) *securecookie.SecureCookie {
	if key == nil {
		key = []byte(rand.Text() + rand.Text())
	}
	return securecookie.New(key, nil).MaxAge(int(tripLife / time.Second)).SetSerializer(securecookie.JSONEncoder{})
}

func (p *Pages) tripName(channel string) string { return p.sessions.Cookie.Name + "-" + channel }

// trip is the one that the browser is on; found says that it brought something in
// its place, even if nobody signed it or its time is over.
func (p *Pages) trip(c echo.Context, channel string) (t trip, found bool) {
	name := p.tripName(channel)
	cookie, err := c.Cookie(name)
	if err != nil {
		return trip{}, false
	}
	err = p.trips.Decode(name, cookie.Value, &t)
	if err != nil {
		return trip{}, true
	}
	return t, true
}

func (p *Pages) setTrip(c echo.Context, channel string, t trip) error {
	name := p.tripName(channel)
	value, err := p.trips.Encode(name, t)
	if err != nil {
		return err
	}
	p.setCookie(c, name, value, tripLife)
	return nil
}

// setCookie sets a cookie that goes where the session's goes.
func (p *Pages) setCookie(c echo.Context, name, value string, life time.Duration) {
	like := p.sessions.Cookie
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure and SameSite are those of the session's cookie
		Name: name, Value: value, Path: like.Path, MaxAge: int(life / time.Second),
		HttpOnly: true, SameSite: like.SameSite, Secure: like.Secure,
	})
}

// wayBack is the page of the channel that a trip leads back to.
func (t trip) wayBack(channel string) string {
	if !strings.HasPrefix(t.Back, "/h5/"+channel+"/") {
		return "/h5/" + channel + "/card"
	}
	return t.Back
}

// towards is the trip once the browser is to come back to an address. A state that
// is still out is used again, so that two pages opened at once both come back to a
// state that stands.
func (t trip) towards(back string, round int) trip {
	t.State = cmp.Or(t.State, rand.Text()+strconv.Itoa(round))
	if len(back) <= backMax {
		t.Back = back
	}
	return t
}
