package phone

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

// pay is where the page's pay button leads, if it is a link.
func (p page) pay() string {
	address := ""
	p.walk(func(n *html.Node) {
		if n.Data == "a" && attribute(n, "id") == "pay" {
			address = attribute(n, "href")
		}
	})
	return address
}

// payOutside pays on the channel's page, which sends the browser back to the
// order.
func (p *Phone) payOutside(ctx context.Context, s Sheet) error {
	cashier, err := p.visit(ctx, s.Page)
	if err != nil {
		return err
	}
	f, ok := cashier.form("request")
	if !ok {
		return fmt.Errorf("%w: %.300s", ErrCashier, cashier.text())
	}
	f.values.Set("action", "pay")
	f.values.Set("person", p.options.Person)
	back, err := p.post(ctx, cashier, f)
	if err != nil {
		return err
	}
	if back.status != http.StatusOK || !strings.HasSuffix(back.at.Path, "/orders/"+s.Order) {
		return fmt.Errorf("%w: %.300s", ErrCashier, back.text())
	}
	return nil
}
