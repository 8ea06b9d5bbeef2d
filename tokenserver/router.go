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

// route is one endpoint. A segment of its path in braces stands for any text, which the handler finds in http.Request.PathValue.
type route struct {
	method, path string
	handler      http.Handler
}

// router finds the endpoint by path and method. It is no http.ServeMux, since that redirects a doubled slash, and a
// redirected POST loses its body; and since its 404 and 405 are text.
type router struct {
	routes map[string][]route
	// open are the paths with segments in braces.
	open []string
}

func newRouter(routes []route) router {
	r := router{routes: map[string][]route{}}
	for _, route := range routes {
		if _, known := r.routes[route.path]; !known && strings.Contains(route.path, "{") {
			r.open = append(r.open, route.path)
		}
		r.routes[route.path] = append(r.routes[route.path], route)
	}
	return r
}

// find returns the path of the route that a path leads to, and what its segments in braces stand for; false where there is none.
func (rt router) find(path string) (endpoint string, values map[string]string, found bool) {
	if _, found := rt.routes[path]; found {
		return path, nil, true
	}
	for _, candidate := range rt.open {
		if values, matches := match(candidate, path); matches {
			return candidate, values, true
		}
	}
	return "", nil, false
}

func match(pattern, path string) (map[string]string, bool) {
	segments, given := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(segments) != len(given) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range segments {
		name, open := strings.CutPrefix(segment, "{")
		if !open && segment != given[i] || open && given[i] == "" {
			return nil, false
		}
		if open {
			values[strings.TrimSuffix(name, "}")] = given[i]
		}
	}
	return values, true
}

func (rt router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := collapsed(r.URL.Path)
	endpoint, values, found := rt.find(path)
	if !found {
		refuse(w, r, path, oauth.NotFound("there is no such path; GET /openapi.json describes what there is"))
		return
	}
	for name, value := range values {
		r.SetPathValue(name, value)
	}
	candidates := rt.routes[endpoint]
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
	if endpoint, _, found := rt.find(collapsed(r.URL.Path)); found {
		return endpoint
	}
	return elsewhere
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
