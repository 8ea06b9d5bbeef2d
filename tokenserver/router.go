package tokenserver

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"countersign.dev/tokenserver/insightshub"
	"countersign.dev/tokenserver/oauth"
	"countersign.dev/tokenserver/requestid"
	"countersign.dev/tokenserver/token"
)

// route is one endpoint.
type route struct {
	method, path string
	handler      http.Handler
}

// router finds the endpoint by path and method. It is no http.ServeMux, since that redirects a doubled slash, and a
// redirected POST loses its body; and since its 404 and 405 are text.
type router map[string][]route

func newRouter(routes []route) router {
	r := router{}
	for _, route := range routes {
		r[route.path] = append(r[route.path], route)
	}
	return r
}

func (rt router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := collapsed(r.URL.Path)
	candidates, found := rt[path]
	if !found {
		refuse(w, r, path, &oauth.Error{
			Code: oauth.InvalidRequest, Description: "there is no such path; GET /openapi.json describes what there is",
			Status: http.StatusNotFound,
		})
		return
	}
	for _, candidate := range candidates {
		if candidate.method == r.Method || candidate.method == http.MethodGet && r.Method == http.MethodHead {
			candidate.handler.ServeHTTP(w, r)
			return
		}
	}
	refuse(w, r, path, &oauth.Error{
		Code: oauth.InvalidRequest, Description: "the method is not allowed here: use " + allowed(candidates),
		Status: http.StatusMethodNotAllowed, Allow: allowed(candidates),
	})
}

// endpoint returns the path of the route that answers the request, or elsewhere.
func (rt router) endpoint(r *http.Request) string {
	path := collapsed(r.URL.Path)
	if _, found := rt[path]; !found {
		return elsewhere
	}
	return path
}

// elsewhere is the endpoint of requests for a path that there is not.
const elsewhere = "none"

// collapsed makes one slash of several: clients append a path to a base URL that ends in a slash.
func collapsed(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

func allowed(candidates []route) string {
	var methods []string
	for _, candidate := range candidates {
		methods = append(methods, candidate.method)
		if candidate.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// refuse answers in the envelope of the face whose path it is.
func refuse(w http.ResponseWriter, r *http.Request, path string, err *oauth.Error) {
	if path == insightshub.PathTokenKeys || strings.HasPrefix(path+"/", token.InsightsHubPath+"/") {
		insightshub.WriteError(w, r, err)
		return
	}
	oauth.WriteError(w, err)
}

// recovering answers a handler that panicked, in the form of its face. The cause stands in the log alone.
func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			log.ErrorContext(r.Context(), "A handler panicked",
				"request_id", requestid.From(r.Context()), "cause", cause, "stack", string(debug.Stack()))
			refuse(w, r, collapsed(r.URL.Path), oauth.Internal())
		}()
		next.ServeHTTP(w, r)
	})
}

// guarded sets the headers that no answer of an API needs to go without: none is a document to be guessed, shown or framed.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
