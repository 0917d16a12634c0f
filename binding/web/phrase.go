package web

import "github.com/labstack/echo/v4"

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

// language is the one that the session asks for.
func (p *Pages) language(c echo.Context) string {
	if c.Get(sessionLoaded) != nil && p.sessions.GetString(c.Request().Context(), "lang") == english {
		return english
	}
	return chinese
}

// withLanguage lets an address ask for a language, once for the whole session.
func (p *Pages) withLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch asked := c.QueryParam("lang"); asked {
		case chinese, english:
			if asked != p.language(c) {
				p.sessions.Put(c.Request().Context(), "lang", asked)
			}
		}
		return next(c)
	}
}
