package gateway

import (
	"embed"
	"mime"
	"net/http"
	"path"
)

//go:embed docs
var docFiles embed.FS

// docsPolicy lets the page load nothing from elsewhere, and nobody put it into a frame.
const docsPolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// docs serves the page for people. It loads nothing from elsewhere.
func docs(c *call, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	body, err := docFiles.ReadFile("docs/" + name)
	if err != nil {
		c.refuse(notFound.problem(""))
		return
	}
	h := c.Header()
	h.Set("Content-Security-Policy", docsPolicy)
	c.page(mime.TypeByExtension(path.Ext(name)), body)
}

// index sends people to the page.
func index(c *call, _ *http.Request) {
	c.Header().Set("Location", "/docs")
	c.WriteHeader(http.StatusFound)
}
