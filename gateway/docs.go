package gateway

import (
	"embed"
	"net/http"
	"path"
)

//go:embed docs
var docFiles embed.FS

// docsPolicy lets the page load nothing from elsewhere, and nobody put it into a frame.
const docsPolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// docTypes are the media types of docFiles. Those that the system knows may be others.
var docTypes = map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

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
	c.page(docTypes[path.Ext(name)], body)
}

// index sends people to the page.
func index(c *call, _ *http.Request) {
	c.Header().Set("Location", "/docs")
	c.WriteHeader(http.StatusFound)
}
