package web

import (
	"github.com/labstack/echo/v4"

	"guodu/channels"
)

// The doors at which the pages refuse, as they stand in counts and logs.
const (
	doorPage  = "page"
	doorLogin = "login"
)

// refuse takes note of a refusal. attrs hold no secret and no full payer id.
func (p *Pages) refuse(c echo.Context, door, reason string, attrs ...any) {
	channel := p.channel(c)
	all := append([]any{"route", c.Path(), "channel", channel, "address", c.RealIP()}, attrs...)
	if kind, id, found := p.payer(c, channel); found {
		all = append(all, "payer", channels.Payer{Kind: kind, ID: id})
	}
	p.config.Refusals.Note(c.Request().Context(), door, reason, all...)
}

// channel is the one of the address, empty if there is none of that name.
func (p *Pages) channel(c echo.Context) string {
	channel := c.Param("channel")
	if _, known := p.config.OAuth[channel]; !known {
		return ""
	}
	return channel
}
