// Package ovirt is a client for the REST API (version 4) of an oVirt engine, and so of Oracle Linux Virtualization Manager.
//
// It speaks JSON over HTTPS, logs in with the OAuth 2 password grant of the engine's single sign-on service, and has only the
// calls that a machine provider, and the upload of its image, need. It knows no Kubernetes.
//
// What holds for every call:
//   - it ends within Config.Timeout, which includes waiting for a free place, for a login and for one replay after a 401;
//   - an error is an *Error, whose Kind says what a caller can do about it; KindOf and errors.Is(err, ovirt.NotFound) read it;
//   - a call that failed with Unavailable, or because its context ended, may have been carried out by the engine all the same;
//   - a user without an administrator's role gets what the engine shows to such users (see Client.UserLevel);
//   - neither the password nor the token nor a boot document is ever part of an error.
package ovirt
