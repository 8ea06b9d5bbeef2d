package remote

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// PathToken is where a token server gives tokens.
const PathToken = "/oauth2/token"

// TokenRequest asks for a token as an application does (RFC 6749 section 4.4).
type TokenRequest struct {
	ClientID, ClientSecret string
	// Tenant is empty for the host tenant itself, Scopes for all that can be had, Audience for the application's default.
	Tenant, Audience string
	Scopes           []string
}

// Token is a token with what the server says of it.
type Token struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// Token asks the server for a token.
func (s *Server) Token(ctx context.Context, q TokenRequest) (*Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, value := range map[string]string{
		"tenant": q.Tenant, "resource": q.Audience, "scope": strings.Join(q.Scopes, " "),
	} {
		if value != "" {
			form.Set(name, value)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+PathToken, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("asking for a token: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(q.ClientID), url.QueryEscape(q.ClientSecret))
	token := &Token{}
	if err := s.do(request, token); err != nil {
		return nil, err
	}
	if token.AccessToken == "" {
		return nil, errors.New("the token server's answer has no token in it")
	}
	return token, nil
}

// Claims returns what a JWT says of itself. They are read and not verified: whoever is given a token verifies it.
func (t *Token) Claims() (map[string]any, error) {
	parts := strings.Split(t.AccessToken, ".")
	if len(parts) != 3 {
		return nil, errors.New("the token is no JWT: it cannot be decoded")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("the token is no JWT: it cannot be decoded")
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, errors.New("the token's claims are no JSON object")
	}
	return claims, nil
}
