package ovirt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// refusalPause is how long refused credentials are not tried again. The engine's own user directory locks an account after a
// few failures, and many callers share one Client.
const refusalPause = time.Minute

// session holds the token. It is in memory only.
type session struct {
	mu      sync.Mutex
	token   string
	login   *login // under way
	refusal *Error
	until   time.Time // refusal holds until then
}

// login is one request for a token. The caller that started it carries it out; the others wait for done.
type login struct {
	done  chan struct{}
	token string
	err   *Error
	// abandoned: the context of the caller that carried it out ended, which says nothing to the others.
	abandoned bool
}

// token gives a token other than the stale one (empty: any), logging in if need be. However many callers ask, one logs in.
func (c *Client) token(ctx context.Context, stale string) (string, *Error) {
	for {
		c.session.mu.Lock()
		if current := c.session.token; current != "" && current != stale {
			c.session.mu.Unlock()
			return current, nil
		}
		if refusal := c.session.refusal; refusal != nil && time.Now().Before(c.session.until) {
			c.session.mu.Unlock()
			return "", refusal
		}
		shared := c.session.login
		if shared == nil {
			own := &login{done: make(chan struct{})}
			c.session.login = own
			c.session.mu.Unlock()
			c.logIn(ctx, own)
			return own.token, own.err
		}
		c.session.mu.Unlock()
		select {
		case <-shared.done:
			if !shared.abandoned {
				return shared.token, shared.err
			}
		case <-ctx.Done():
			return "", c.noReply(ctx.Err())
		}
	}
}

// logIn asks for a token and publishes the outcome to everybody who waits.
func (c *Client) logIn(ctx context.Context, l *login) {
	l.token, l.err = c.requestToken(ctx)
	l.abandoned = l.err != nil && ctx.Err() != nil
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.session.login = nil
	switch {
	case l.err == nil:
		c.session.token = l.token
	case l.err.Kind == Auth:
		c.session.refusal, c.session.until = l.err, time.Now().Add(refusalPause)
	}
	close(l.done)
}

// requestToken is the password grant. The expiry in the reply means nothing to a client: the engine ends sessions that idle
// (30 min by default), so a 401 is the only sign.
func (c *Client) requestToken(ctx context.Context) (string, *Error) {
	form := url.Values{
		"grant_type": {"password"},
		"username":   {c.config.Username},
		"password":   {c.config.Password},
		"scope":      {c.config.Scope},
	}
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	failure := c.postForm(ctx, "sso.token", "/sso/oauth/token", form, &reply)
	if failure == nil && reply.AccessToken == "" {
		failure = &Error{Kind: Unknown, Status: http.StatusOK}
	}
	if failure == nil {
		return reply.AccessToken, nil
	}
	return "", c.loginFailure(failure)
}

// loginFailure tells an engine that refuses or fails from something that has no single sign-on service. A service that is not
// found must not look like a VM that is not.
func (c *Client) loginFailure(failure *Error) *Error {
	failure = failure.labelled("log in to the engine as", c.config.Username)
	switch status := failure.Status; {
	case failure.Kind == Auth, failure.Kind == Invalid, failure.Kind == NotEngine:
	case failure.Kind == Unavailable && failure.Reason != "": // the service itself says that it failed
	case status == 0, status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
	default:
		failure.Kind = NotEngine
		failure.Err = errors.New("the reply to the login is not that of an engine; give the engine's own address, https://HOST/ovirt-engine")
	}
	return failure
}

// Logout revokes the token in the engine and forgets it. A later call logs in again.
func (c *Client) Logout(ctx context.Context) error {
	c.session.mu.Lock()
	token := c.session.token
	c.session.token = ""
	c.session.mu.Unlock()
	if token == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	form := url.Values{"scope": {c.config.Scope}, "token": {token}}
	if failure := c.postForm(ctx, "sso.logout", "/services/sso-logout", form, nil); failure != nil {
		return failure.labelled("log out of the engine as", c.config.Username)
	}
	return nil
}

func (c *Client) postForm(ctx context.Context, name, path string, form url.Values, out any) *Error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return &Error{Kind: Invalid, Err: errors.New("the engine's URL makes no request")}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Exactly this value: the service refuses lists and parameters.
	request.Header.Set("Accept", "application/json")
	return c.exchange(request, name, form.Get("token"), out)
}
