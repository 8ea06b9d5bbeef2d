package remote

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// timeout is how long an answer may take.
	timeout = 30 * time.Second
	// maxAnswer is how much of an answer is read: a page of offers is smaller.
	maxAnswer = 16 << 20
)

// Server is a token server.
type Server struct {
	base   string
	client *http.Client
}

// New returns the server at a base URL, as "https://tokens.example.com". Its certificate is checked against the file's
// authorities, or the system's where the file is empty.
func New(base, authorityFile string) (*Server, error) {
	base = strings.TrimRight(base, "/")
	if err := checkURL(base); err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if authorityFile != "" {
		data, err := os.ReadFile(authorityFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token server's authority: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", authorityFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &Server{base: base, client: &http.Client{
		Transport: transport, Timeout: timeout,
		// A redirect would take the credentials along to who knows where.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// checkURL refuses what would send credentials in the clear.
func checkURL(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return fmt.Errorf("%q is no URL of a token server: write it as https://tokens.example.com", text)
	case parsed.Scheme == "https":
		return nil
	case parsed.Scheme == "http" && loopback(parsed.Hostname()):
		return nil
	}
	return fmt.Errorf("%s: credentials go over https alone, or over http to this machine: use https, or 'kubectl port-forward' and "+
		"http://127.0.0.1", text)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Refusal is an answer of the token server that says why not (RFC 6749 section 5.2).
type Refusal struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
}

// Error says what the token server said.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("the token server refuses: %s", r.Code)
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	if r.Description != "" {
		text += ": " + r.Description
	}
	return text
}

// do sends a request and decodes its answer.
func (s *Server) do(request *http.Request, answer any) error {
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		if failed, is := errors.AsType[*url.Error](err); is {
			err = failed.Err // without the URL, which is said below
		}
		return fmt.Errorf("asking the token server %s: %w", s.base, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the token server's answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, answer); err != nil {
			return fmt.Errorf("%s does not answer as a token server: %w", s.base, err)
		}
		return nil
	}
	refusal := &Refusal{Status: response.StatusCode}
	if json.Unmarshal(body, refusal) != nil || refusal.Code == "" {
		return fmt.Errorf("%s does not answer as a token server: %s", request.URL.Redacted(), response.Status)
	}
	return refusal
}
