package web

import (
	"time"

	"github.com/labstack/echo/v4"
)

// The languages of the pages. Chinese is what a holder sees who did not ask.
const (
	chinese = "zh"
	english = "en"
)

// phrase is a text in both languages.
type phrase struct{ zh, en string }

// in gives the text in a language.
func (t phrase) in(language string) string {
	if language == english {
		return t.en
	}
	return t.zh
}

// channelName is what people call a channel.
func channelName(channel string) phrase {
	switch channel {
	case "wechat":
		return phrase{"微信支付", "WeChat Pay"}
	case "alipay":
		return phrase{"支付宝", "Alipay"}
	}
	return phrase{channel, channel}
}

// languageField marks a request with its language.
const languageField = "language"

// languageLife is how long a browser remembers a language.
const languageLife = 180 * 24 * time.Hour

func (p *Pages) languageName() string { return p.sessions.Cookie.Name + "-lang" }

// language is the one that the browser asks for.
func (p *Pages) language(c echo.Context) string {
	if c.Get(languageField) == english {
		return english
	}
	return chinese
}

// withLanguage lets an address ask for a language; the browser remembers it.
func (p *Pages) withLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		cookie, err := c.Cookie(p.languageName())
		if err == nil {
			c.Set(languageField, cookie.Value)
		}
		switch asked := c.QueryParam("lang"); asked {
		case chinese, english:
			if asked != p.language(c) {
				p.setCookie(c, p.languageName(), asked, languageLife)
			}
			c.Set(languageField, asked)
		}
		return next(c)
	}
}
