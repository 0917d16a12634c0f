package phone

import (
	"encoding/json"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// page is what a phone sees of an answer.
type page struct {
	status int
	at     *url.URL // after redirects
	root   *html.Node
}

// form is a form with the values it came with.
type form struct {
	action string
	values url.Values
}

// walk visits every element.
func (p page) walk(visit func(n *html.Node)) {
	var rec func(n *html.Node)
	rec = func(n *html.Node) {
		if n.Type == html.ElementNode {
			visit(n)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			rec(c)
		}
	}
	rec(p.root)
}

// form finds the form that has a field of this name.
func (p page) form(field string) (form, bool) {
	var found *form
	p.walk(func(n *html.Node) {
		if n.Data != "form" || found != nil {
			return
		}
		f := form{action: attribute(n, "action"), values: url.Values{}}
		page{root: n}.walk(func(in *html.Node) {
			if name := attribute(in, "name"); in.Data == "input" && name != "" {
				f.values.Set(name, attribute(in, "value"))
			}
		})
		if f.values.Has(field) {
			found = &f
		}
	})
	if found == nil {
		return form{}, false
	}
	return *found, true
}

// sheet reads the pay sheet's parameters, JSON in the element with id params.
func (p page) sheet() (map[string]string, bool) {
	var params map[string]string
	p.walk(func(n *html.Node) {
		if attribute(n, "id") == "params" {
			_ = json.Unmarshal([]byte(content(n)), &params) // nil unless it is an object of texts
		}
	})
	return params, len(params) > 0
}

// text is what a reader reads, without scripts and styles.
func (p page) text() string {
	var out strings.Builder
	var rec func(n *html.Node)
	rec = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "head") {
			return
		}
		if n.Type == html.TextNode {
			out.WriteString(n.Data + " ")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			rec(c)
		}
	}
	rec(p.root)
	return strings.Join(strings.Fields(out.String()), " ")
}

func content(n *html.Node) string {
	var out strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			out.WriteString(c.Data)
		}
	}
	return out.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
