package main

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
)

//go:embed index.html
var files embed.FS

// routes serves the help page and the merchant's configuration.
func (g *gateways) routes() http.Handler {
	index := template.Must(template.ParseFS(files, "index.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = index.Execute(w, map[string]any{ // the reader may be gone
			"Merchant": g.merchant, "Calm": g.calm, "Help": g.help, "YAML": g.merchant.yaml(g.hub),
			"WeChat": g.wechat.Scenarios(), "Alipay": g.alipay.Scenarios(),
		})
	})
	mux.HandleFunc("GET /merchant.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		m := g.merchant
		m.WeChat.APIv3Key = g.wechat.APIv3Key()
		_ = out.Encode(m)
	})
	return mux
}
