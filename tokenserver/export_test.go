package tokenserver

// Routes returns method and path of every endpoint that clients reach, as "GET /healthz".
func (s *Server) Routes() []string {
	var routes []string
	for _, route := range s.routes() {
		routes = append(routes, route.method+" "+route.path)
	}
	return routes
}
